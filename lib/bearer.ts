/** Who holds the `ADMIN_TOKEN`. */

import { createHash, timingSafeEqual } from "node:crypto";

/** Compared by digest, so that neither time nor length tells anything of the token. */
export function isBearer(header: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(header ?? ""), digest(`Bearer ${token}`));
}
