/** One version, written in two ways: as the etag of an entity, and as it stands in delta's occurrences and notifications. */

/** Type 0x0F (event) and the length of what follows, both 32 bit and little-endian. */
const LONG_FORM = Buffer.from('0f00000016000000', 'hex');

export const entityEtag = (changeKey: Buffer): string => `W/"${changeKey.toString('base64')}"`;

/** The text begins with `DwAAABYAAAA`. */
export const longEtag = (changeKey: Buffer): string =>
  `W/"${Buffer.concat([LONG_FORM, changeKey]).toString('base64')}"`;

/** @param ifMatch as sent; a list and `*` are understood. */
export function isMatch(ifMatch: string, changeKey: Buffer): boolean {
  const wanted = ifMatch.split(',').map((etag) => etag.trim());
  return ['*', entityEtag(changeKey), longEtag(changeKey)].some((etag) => wanted.includes(etag));
}
