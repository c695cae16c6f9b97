/** Whether `text` is the address of a web server. */
export function isHttpUrl(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? "");
}

/** The host by which this machine reaches what listens on the address `bind`. */
export function hostHere(bind: string): string {
  if (bind === "0.0.0.0" || bind === "::") return "127.0.0.1";
  return bind.includes(":") ? `[${bind}]` : bind;
}

/** The address of what listens on `port` of the address `bind`, as people of this machine write it. */
export function urlHere(bind: string, port: number | string): string {
  const host = hostHere(bind);
  return `http://${host === "127.0.0.1" ? "localhost" : host}:${port}`;
}

/** Whether `text` is a host as a request names it, with or without a port. */
export function isHost(text: string): boolean {
  return /^(\[[0-9a-f:.]+\]|[\w.-]+)(:\d+)?$/i.test(text) && URL.canParse(`http://${text}`);
}

/** Whether a host name, with or without a port, means this machine. */
export function isLoopbackHost(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host);
}
