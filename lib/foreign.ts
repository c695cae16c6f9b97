/** Pages of other sites, in a browser on this machine: they come from its address, and may send much that they may not read. */

/** Whether a browser asks for a page that is not of our own origin. Nobody but a browser says for whom it asks. */
export function isForeignPage({ headers }: Request): boolean {
  const site = headers.get("sec-fetch-site");
  // With a socket not all send that, but all an origin; with a form it may be "null" although it is ours.
  if (site !== null && !headers.has("upgrade")) return site !== "same-origin" && site !== "none";
  const origin = headers.get("origin");
  return origin !== null && URL.parse(origin)?.host !== headers.get("host");
}
