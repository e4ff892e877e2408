import { writeRefusal, type WritePermissions, type WrittenTo } from './index.ts';

const open: WrittenTo = { active: true, state: 'active', write_enabled: true, access_role: 'writer' };

test.each<[string, Partial<WrittenTo>, WritePermissions | null, boolean, RegExp | null]>([
  ['everything', {}, 'all', false, null],
  ['what was made through us', {}, 'managed', true, null],
  ['what others made', {}, 'managed', false, /not created through/],
  ['nothing', {}, 'none', true, /are none/],
  ['who said nothing', {}, null, true, /are none/],
  ['an owner', { access_role: 'owner' }, 'all', false, null],
  ['a reader', { access_role: 'reader' }, 'all', false, /access_role is reader/],
  ['a switch that is off', { write_enabled: false }, 'all', false, /write_enabled/],
  ['a calendar that is not mirrored', { active: false }, 'all', false, /not kept in step/],
  ['a calendar that is gone', { state: 'gone' }, 'all', false, /state is gone/],
  ['a pause', { state: 'paused' }, 'all', false, /state is paused/],
  ['one that is read anew', { state: 'resyncing' }, 'all', false, null],
])('%s', (_, calendar, permissions, isManaged, refused) => {
  const refusal = writeRefusal({ ...open, ...calendar }, { permissions, isManaged });
  if (refused === null) expect(refusal).toBeNull();
  else expect(refusal).toMatch(refused);
});
