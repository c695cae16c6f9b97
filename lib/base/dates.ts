/** Dates as words and numbers of a time zone. Pure. */

/** Made once for each: a new one costs some 100 us, and a call's start asks for several. Locales are ours, zones the configuration's. */
const made = new Map<string, Intl.DateTimeFormat>();

/** As `new Intl.DateTimeFormat(locale, options)`. @throws {RangeError} where there is no such zone. */
export function dateFormat(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = locale + JSON.stringify(options);
  let format = made.get(name);
  if (!format) made.set(name, format = new Intl.DateTimeFormat(locale, options));
  return format;
}
