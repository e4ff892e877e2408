/** Time zones as Outlook names them: Windows names and IANA names, both understood, the platform's tables behind. */
import { Zones } from '../zones.ts';
import { windowsZones } from './windows-zones.ts';

const byLowerName = new Map(Object.entries(windowsZones).map(([name, iana]) => [name.toLowerCase(), iana]));

/** Zones that old clients made up themselves; Graph shows them by these names. */
const legacy = new Map([['tzone://microsoft/utc', 'UTC']]);

export class GraphZones {
  private readonly zones = new Zones();

  /** @returns the IANA zone of a Windows or IANA name; undefined for a name that Outlook does not know. */
  iana(name: string): string | undefined {
    const known = byLowerName.get(name.toLowerCase()) ?? legacy.get(name.toLowerCase());
    if (known !== undefined) return known;
    // Offsets like +02:00 are zones for Intl, but not for Outlook.
    if (!/^[A-Za-z]/.test(name)) return undefined;
    return this.zones.isKnown(name) ? name : undefined;
  }

  /** The instant of a wall time in a zone, both in milliseconds; see `Zones.toInstant`. */
  toInstant(iana: string, localMs: number): number {
    return this.zones.toInstant(iana, localMs);
  }

  toLocal(iana: string, instantMs: number): number {
    return this.zones.toLocal(iana, instantMs);
  }

  /** RFC 3339 with the zone's offset. */
  rfc3339(iana: string, instantMs: number): string {
    return this.zones.rfc3339(iana, instantMs);
  }
}
