/** Whether an event of a calendar may be written through us: its user says so, its calendar's switch, and its provider. */

export type WritePermissions = 'none' | 'managed' | 'all';

export interface WrittenTo {
  active: boolean;
  state: string;
  write_enabled: boolean;
  access_role: string;
}

/**
 * @param wish.permissions null: the user said nothing. @param wish.isManaged the event was made through us, or is to be
 * @returns why not, for its user; null: it may be written
 */
export function writeRefusal(
  calendar: WrittenTo,
  { permissions, isManaged }: { permissions: WritePermissions | null; isManaged: boolean },
): string | null {
  if (permissions === null || permissions === 'none') return 'write_permissions of the user are none';
  if (permissions === 'managed' && !isManaged)
    return 'write_permissions of the user are managed, and the event was not created through Calfleet';
  if (!calendar.write_enabled) return 'write_enabled of the calendar is false';
  if (!['writer', 'owner'].includes(calendar.access_role))
    return `The account may not write to the calendar: its access_role is ${calendar.access_role}`;
  if (!calendar.active || ['gone', 'paused'].includes(calendar.state))
    return `The calendar is not kept in step: its state is ${calendar.state}`;
  return null;
}
