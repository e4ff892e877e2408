/** The Prefer header: several values with commas, or several headers. Nothing of it is remembered between requests. */
export interface Prefer {
  immutableIds: boolean;
  /** As asked; null when it was not. */
  maxPageSize: number | null;
  /** As asked: a Windows or IANA name, not checked. */
  timeZone: string | null;
  bodyType: 'html' | 'text';
  /** What was understood, as `Preference-Applied` repeats it. */
  applied: string[];
}

export function parsePrefer(header: string | undefined): Prefer {
  const prefer: Prefer = {
    immutableIds: false,
    maxPageSize: null,
    timeZone: null,
    bodyType: 'html',
    applied: [],
  };
  for (const [whole, name = '', quoted, plain] of (header ?? '').matchAll(
    /([\w.-]+)\s*=\s*(?:"([^"]*)"|([^",;\s]+))/g,
  )) {
    if (apply(prefer, name.toLowerCase(), quoted ?? plain ?? '')) prefer.applied.push(whole);
  }
  return prefer;
}

function apply(prefer: Prefer, name: string, value: string): boolean {
  switch (name) {
    case 'idtype':
      prefer.immutableIds = value.toLowerCase() === 'immutableid';
      return prefer.immutableIds;
    case 'odata.maxpagesize': {
      const size = Number(value);
      if (!Number.isInteger(size) || size < 1) return false;
      prefer.maxPageSize = size;
      return true;
    }
    case 'outlook.timezone':
      prefer.timeZone = value;
      return true;
    case 'outlook.body-content-type':
      prefer.bodyType = value.toLowerCase() === 'text' ? 'text' : 'html';
      return true;
    default:
      return false;
  }
}
