/** Who holds the `ADMIN_TOKEN`. */

import { createHash, timingSafeEqual } from "node:crypto";

/** Compared by digest, so that neither time nor length tells anything of the token. The scheme may be of any case (RFC 9110). */
export function isBearer(header: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(header?.replace(/^bearer /i, "Bearer ") ?? ""), digest(`Bearer ${token}`));
}
