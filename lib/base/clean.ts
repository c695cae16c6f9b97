/** `text` on one line: nothing that a caller, a carrier or a vendor said may begin another one, or command a terminal. */
export function clean(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}
