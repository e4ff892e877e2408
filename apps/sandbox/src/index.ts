/** The providers on your machine: Google Calendar v3 and Microsoft Graph over HTTP with push, OAuth, faults and time under control. */
export { sandboxClient, startSandbox, type Sandbox, type SandboxOptions } from './sandbox.ts';
export {
  GoogleOwner,
  AccountOwner,
  ControlError,
  type NewAccount,
  type NewCalendar,
} from './control/owner.ts';
export {
  CalendarOwner,
  type CalendarChanges,
  type CalendarTruth,
  type EventBody,
} from './control/calendar-owner.ts';
export { ControlClient } from './control/client.ts';
export type { ConsentWish } from './control/consent.ts';
export type { FaultEffect, FaultPlan, FaultReport, Operation } from './faults/faults.ts';
export type { QuirkChanges, Quirks } from './faults/quirks.ts';
export type { Notification, PushCounts } from './push/push.ts';
export type { UsageReport } from './store/usage.ts';
export { demoAccounts, seedDemo, type DemoAccount } from './seed/demo.ts';
export { demoMailboxes, seedDemoMailboxes, type DemoMailbox } from './seed/demo-microsoft.ts';
export { manyMicrosoftEvents, type ManyMicrosoftOptions } from './seed/many-microsoft.ts';
export { manyEvents, type ManyOptions } from './seed/many.ts';
export { MailboxControl, MicrosoftCalendarControl, MicrosoftControl } from './microsoft/control-client.ts';
export { MicrosoftOwner, type NewMailbox } from './microsoft/owner.ts';
export { MailboxOwner, type NewMicrosoftCalendar, type ShareOptions } from './microsoft/mailbox-owner.ts';
export { MicrosoftCalendarOwner, type MicrosoftEventBody } from './microsoft/calendar-owner.ts';
export type { MailboxReport } from './microsoft/control-routes.ts';
export type { ShownEvent } from './microsoft/shown.ts';
export type { MicrosoftInstance } from './microsoft/truth.ts';
export type { MicrosoftQuirkChanges, MicrosoftQuirks } from './microsoft/quirks.ts';
export { ChannelControl } from './microsoft/channel-control-client.ts';
export { slowDropProfiles, type ChannelQuirks, type SlowDrop } from './microsoft/channel-quirks.ts';
export type { LifecycleEvent } from './microsoft/notifications-item.ts';
export type { NotificationRecord } from './microsoft/notifications-outbox.ts';
export type { NotificationCounts } from './microsoft/notifications.ts';
export type { SubscriptionReport, SubscriptionState } from './microsoft/subscriptions-store.ts';
export type { ThrottleReport } from './microsoft/throttle.ts';
