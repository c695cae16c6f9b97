/** Which IP addresses are servers of the internet, and which mean this machine, a private network or something special. */

/** Global unicast. RFC 4291, section 2.4. */
const ROUTED_V6 = "2000::/3";
/** IPv4 as IPv6 writes it, and as a NAT64 does. RFC 4291, section 2.5.5.2; RFC 6052. */
const MAPPED = "::ffff:0:0/96";
const NAT64 = "64:ff9b::/96";

/** IANA's registries of special-purpose addresses (RFC 6890), multicast, and tunnels that lead to any IPv4 address. */
const SPECIAL = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
];

/** Whether a server at `address`, IPv4 or IPv6, may be anybody's on the internet. @throws {TypeError} if it is no address. */
export function isPublicAddress(address: string): boolean {
  const bits = bitsOf(address);
  const isIn = (range: string) => bits.startsWith(prefixOf(range));
  const isV4 = isIn(MAPPED) || isIn(NAT64);
  const means = isV4 ? prefixOf(MAPPED) + bits.slice(96) : bits;
  return (isV4 || isIn(ROUTED_V6)) && !SPECIAL.some((range) => means.startsWith(prefixOf(range)));
}

/** The bits that all addresses of a range such as `10.0.0.0/8` begin with. */
function prefixOf(range: string): string {
  const [address = "", length] = range.split("/");
  return bitsOf(address).slice(0, Number(length) + (address.includes(":") ? 0 : 96));
}

/** 128 binary digits; an IPv4 address has those of its mapped form. */
function bitsOf(address: string): string {
  const { hostname } = new URL(`http://[${address.includes(":") ? address : `::ffff:${address}`}]`); // one spelling
  const [head = [], tail] = hostname.slice(1, -1).split("::").map((part) => part.split(":").filter(Boolean));
  const groups = tail ? [...head, ...Array<string>(8 - head.length - tail.length).fill("0"), ...tail] : head;
  return groups.map((group) => parseInt(group, 16).toString(2).padStart(16, "0")).join("");
}
