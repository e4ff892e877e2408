/** The control API of the Microsoft side, below `/control/microsoft/`: what the owners offer, over HTTP with JSON. */
import { z } from 'zod';
import type { SandboxCore } from '../core.ts';
import { json, noContent, type Reply } from '../reply.ts';
import { calendarControl } from './control-calendar.ts';
import { channelControl } from './channel-control.ts';
import type { MailboxOwner } from './mailbox-owner.ts';

export interface MicrosoftControlCall {
  core: SandboxCore;
  method: string;
  params: URLSearchParams;
  body: unknown;
}

/** @param path behind `/control/microsoft/`. @returns undefined when nothing lives there. */
export async function microsoftControl(
  call: MicrosoftControlCall,
  path: string[],
): Promise<Reply | undefined> {
  const [room, ...rest] = path;
  const { core, method, body } = call;
  if (room === 'channels') return channelControl(core.graph, { method, path: rest, body });
  if (room === 'mailboxes') return mailboxes(call, rest);
  if (room !== 'quirks' || rest.length > 0) return undefined;
  if (method === 'POST') {
    core.microsoft.setQuirks(z.record(z.string(), z.unknown()).parse(body));
  } else if (method !== 'GET') {
    return undefined;
  }
  return json(core.microsoft.quirks);
}

const calendarInput = z.strictObject({
  name: z.string().optional(),
  isDefault: z.boolean().optional(),
  color: z.string().optional(),
  id: z.string().min(1).optional(),
});

const mailboxInput = z.strictObject({
  email: z.string().min(1),
  name: z.string().optional(),
  timeZone: z.string().optional(),
  scopes: z.array(z.string()).optional(),
  refreshToken: z.string().optional(),
  tenantId: z.string().optional(),
  calendars: z.array(calendarInput).optional(),
});

function mailboxes(call: MicrosoftControlCall, rest: string[]): Reply | undefined {
  const { microsoft } = call.core;
  const [name, room, calendarId, ...below] = rest;
  if (name === undefined) {
    if (call.method === 'GET') return json({ mailboxes: microsoft.mailboxes().map(describe) });
    if (call.method !== 'POST') return undefined;
    return json(describe(microsoft.createMailbox(mailboxInput.parse(call.body))), 201);
  }
  const mailbox = microsoft.mailbox(name);
  if (room === 'calendars' && calendarId !== undefined) {
    return calendarControl(call, { mailbox, calendar: mailbox.calendar(calendarId), path: below });
  }
  if (calendarId !== undefined) return undefined;
  return ofMailbox(call, mailbox, `${call.method} ${room ?? ''}`.trim());
}

const changesInput = z.strictObject({
  timeZone: z.string().optional(),
  isRestEnabled: z.boolean().optional(),
  scopes: z.array(z.string()).optional(),
});

function ofMailbox({ body }: MicrosoftControlCall, mailbox: MailboxOwner, key: string): Reply | undefined {
  switch (key) {
    case 'GET':
      return json(describe(mailbox));
    case 'PATCH': {
      const { timeZone, isRestEnabled, scopes } = changesInput.parse(body);
      if (timeZone !== undefined) mailbox.setTimeZone(timeZone);
      if (isRestEnabled !== undefined) mailbox.setRestEnabled(isRestEnabled);
      if (scopes !== undefined) mailbox.setScopes(scopes);
      return json(describe(mailbox));
    }
    case 'POST calendars':
      return json({ id: mailbox.createCalendar(calendarInput.parse(body)).id }, 201);
    case 'POST refresh-tokens':
      return json({ refreshToken: mailbox.issueRefreshToken() }, 201);
    case 'POST access-tokens':
      return json({ accessToken: mailbox.accessToken() }, 201);
    case 'DELETE access-tokens':
      mailbox.expireAccessTokens();
      return noContent;
    case 'POST revoke':
      mailbox.revoke();
      return noContent;
    default:
      return undefined;
  }
}

export interface MailboxReport {
  oid: string;
  tenantId: string;
  email: string;
  /** The oldest living one. */
  refreshToken: string | undefined;
  calendars: { id: string; name: string; canEdit: boolean }[];
}

function describe(mailbox: MailboxOwner): MailboxReport {
  const { oid, tenantId, email, refreshTokens } = mailbox;
  const calendars = mailbox.calendars().map(({ id, name, entry }) => ({ id, name, canEdit: entry.canEdit }));
  return { oid, tenantId, email, refreshToken: refreshTokens[0], calendars };
}
