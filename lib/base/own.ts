/** Where the program's own files are: the source tree, or inside the executable, whose bundle lies as deep as this file (`lib/compile.ts`). */
export const OWN = new URL("../../", import.meta.url);
