/**
 * What the limiter does inside Redis, where one script runs at a time for the whole fleet. Instants are the server's,
 * milliseconds; the clocks of the hosts are never asked.
 *
 * Keys of an account: `places` (one member per place in flight, by the end of its lease), `queue` (tickets in the order
 * they came), `seen` (tickets, by the time their waiters count as dead), `hold` (there while the provider wants peace).
 * A ticket reads `<wanted places>:<uuid>`. Keys of an account and of a project: `full` (when the bucket will be full again;
 * gone when it is), `line:<urgency>` (the last instant at which somebody was told to come back). Of a project alone: its
 * own `hold`, and `spent` (requests of this window and of the one before).
 */
import { createHash } from 'node:crypto';

export interface Script {
  text: string;
  sha: string;
}

const scriptOf = (text: string): Script => ({ text, sha: createHash('sha1').update(text).digest('hex') });

/**
 * KEYS places, queue, seen, hold, full, line; of the project hold, full, line, spent
 * ARGV ticket, placesMax (0: uncounted), leaseMs, waiterMs, requests, patienceMs, lineMsMax; stepMs, depthMs, reserveMs of
 * the account; the same and windowMs of the project (stepMs 0: none)
 *
 * Takes from both buckets and the places at once, or nothing. Answers
 * `{'in'}` · `{'place', <tickets before this one>}` and `{'thin', <ms until there is enough>}`: look again ·
 * `{'held', ms, behind}`, `{'closed', ms, behind}`, `{'spent', ms, behind}`: the account is parked, the project is
 * parked, a bucket will not have enough within `patienceMs`; come back after `ms` plus `behind`, a time of one's own in the
 * line of all that are told so.
 *
 * A request that costs more than a bucket may ever hold for its urgency goes in when that is full, and leaves a debt.
 *
 * A ticket goes in when there is room for it beside all that came before it: who wants four places would never find
 * them if singles slipped past. It need not be the first of the queue, so that nobody waits for the one before to look: 40
 * callers with calls of 50 ms on four places had 57 calls a second instead of 49 (measured; 80 would be without any pause).
 */
export const admitScript = scriptOf(`
local places, queue, seen, hold, full, line = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local projectHold, projectFull, projectLine, spent = KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local ticket = ARGV[1]
local placesMax, leaseMs, waiterMs = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local requests, patienceMs, lineMsMax = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local stepMs, depthMs, reserveMs = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local projectStepMs, projectDepthMs, projectReserveMs = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local windowMs = tonumber(ARGV[14])
local function wantedOf(other) return tonumber(string.match(other, '^%d+')) end
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local second = math.floor(now)

local function leaveQueue()
  if placesMax == 0 then return end
  redis.call('ZREM', queue, ticket)
  redis.call('ZREM', seen, ticket)
end

local function comeBack(why, waitMs, key, step)
  leaveQueue()
  local from = now + waitMs
  local last = tonumber(redis.call('GET', key) or '0')
  local at = math.min(math.max(from, last) + step * requests, from + lineMsMax)
  redis.call('SET', key, string.format('%.3f', at), 'PX', math.ceil(at - now) + 1)
  return {why, math.ceil(waitMs), math.ceil(at - from)}
end

local held = redis.call('PTTL', hold)
if held >= 0 then return comeBack('held', math.max(held, 1), line, stepMs) end
if projectStepMs > 0 then
  held = redis.call('PTTL', projectHold)
  if held >= 0 then return comeBack('closed', math.max(held, 1), projectLine, projectStepMs) end
end

local function debtOf(key)
  return math.max(0, tonumber(redis.call('GET', key) or '0') - now)
end
local function lacking(debt, step, depth, reserve)
  local usable = depth - reserve
  return debt + math.min(requests * step, usable) - usable
end
local debt, projectDebt, lacks, projectLacks = debtOf(full), 0, 0, 0
lacks = lacking(debt, stepMs, depthMs, reserveMs)
if projectStepMs > 0 then
  projectDebt = debtOf(projectFull)
  projectLacks = lacking(projectDebt, projectStepMs, projectDepthMs, projectReserveMs)
end
-- A thousandth of a millisecond is lost in writing instants down.
if math.max(lacks, projectLacks) > 0.01 then
  local waitMs = math.max(lacks, projectLacks)
  if waitMs <= patienceMs then return {'thin', math.ceil(waitMs)} end
  if lacks >= projectLacks then return comeBack('spent', waitMs, line, stepMs) end
  return comeBack('spent', waitMs, projectLine, projectStepMs)
end

if placesMax > 0 then
  redis.call('ZREMRANGEBYSCORE', places, '-inf', second)
  for _, dead in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', second)) do
    redis.call('ZREM', queue, dead)
    redis.call('ZREM', seen, dead)
  end
  if not redis.call('ZSCORE', queue, ticket) then
    local last = redis.call('ZREVRANGE', queue, 0, 0, 'WITHSCORES')
    redis.call('ZADD', queue, (tonumber(last[2]) or 0) + 1, ticket)
  end
  local before = redis.call('ZRANK', queue, ticket)
  local taken = redis.call('ZCARD', places)
  if before < placesMax then
    for _, other in ipairs(redis.call('ZRANGE', queue, 0, before)) do taken = taken + wantedOf(other) end
  end
  if before >= placesMax or taken > placesMax then
    redis.call('ZADD', seen, second + waiterMs, ticket)
    redis.call('PEXPIRE', queue, waiterMs)
    redis.call('PEXPIRE', seen, waiterMs)
    return {'place', before}
  end
  leaveQueue()
  for place = 1, wantedOf(ticket) do
    redis.call('ZADD', places, second + leaseMs, ticket .. ':' .. place)
  end
  if redis.call('PTTL', places) < leaseMs then redis.call('PEXPIRE', places, leaseMs) end
end

local function take(key, owed, step)
  owed = owed + requests * step
  redis.call('SET', key, string.format('%.3f', now + owed), 'PX', math.ceil(owed) + 1)
end
take(full, debt, stepMs)
if projectStepMs > 0 then
  take(projectFull, projectDebt, projectStepMs)
  local window = math.floor(now / windowMs)
  local was = tonumber(redis.call('HGET', spent, 'window') or '-2')
  if was ~= window then
    local before = was == window - 1 and redis.call('HGET', spent, 'now') or 0
    redis.call('HSET', spent, 'window', window, 'before', before, 'now', 0)
  end
  redis.call('HINCRBY', spent, 'now', requests)
  redis.call('PEXPIRE', spent, 2 * windowMs)
end
return {'in'}
`);

/**
 * KEYS places, queue, seen, hold (the account's or the project's) · ARGV ticket, parkMs
 * Gives back the places and the ticket, whichever there are. A hold only ever grows.
 */
export const leaveScript = scriptOf(`
local places, queue, seen, hold = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ticket, parkMs = ARGV[1], tonumber(ARGV[2])
for place = 1, tonumber(string.match(ticket, '^%d+')) do
  redis.call('ZREM', places, ticket .. ':' .. place)
end
redis.call('ZREM', queue, ticket)
redis.call('ZREM', seen, ticket)
if parkMs > 0 and redis.call('PTTL', hold) < parkMs then
  redis.call('SET', hold, '1', 'PX', parkMs)
end
return 0
`);

/** KEYS spent · ARGV windowMs. Answers the requests of the last window: the one before counts by what is left of it. */
export const usedScript = scriptOf(`
local windowMs = tonumber(ARGV[1])
local time = redis.call('TIME')
local window = (time[1] * 1000 + time[2] / 1000) / windowMs
local spent = redis.call('HMGET', KEYS[1], 'window', 'before', 'now')
local was = tonumber(spent[1] or '-2')
local before, now = tonumber(spent[2] or '0'), tonumber(spent[3] or '0')
if was == math.floor(window) - 1 then before, now = now, 0 elseif was ~= math.floor(window) then before, now = 0, 0 end
return math.floor(before * (1 - window % 1) + now)
`);
