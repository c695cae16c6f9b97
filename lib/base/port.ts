/** Where the server listens, and the softphone rings, unless `PORT` says otherwise. */
export const DEFAULT_PORT = 5000;
