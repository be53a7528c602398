-- Replaces the refresh token's hash; one that was used before ends the session.
-- KEYS: 1 session, 2 account, 3 set of sessions
-- ARGV: 1 now (ms), 2 sid, 3 family hash, 4 presented hash, 5 next hash,
--       6 since when (s) a second factor is not too old, 7 address it comes from or '', 8 the account's version where it
--       has none
-- Result: { 'rotated', session…, version, 1 if it is to be recorded } or { 'stale', session…, version }
--         or { 'reused', session… } or { 'locked', session…, until (ms) } or { 'unknown' };
--         session…: record, last seen (ms), absolute expiry (s)

local RECORDED_EVERY_MS = 60 * 60 * 1000

local now = tonumber(ARGV[1])
local account = read_account(KEYS[2])
local session = read_session(KEYS[1], account, now)
local family_hash, refresh_hash, recorded_at, address = unpack(redis.call('HMGET', KEYS[1], 'rf', 'r', 'n', 'w'))
-- Who does not know the family part never had a token of this session, and must not be able to end it.
if not session or family_hash ~= ARGV[3] then
  return { 'unknown' }
end
if refresh_hash ~= ARGV[4] then
  end_session(KEYS[3], KEYS[1], ARGV[2])
  return { 'reused', unpack(session_reply(session)) }
end
if account.locked_until > now then
  return { 'locked', session.record, session.seen, session.absolute_at, account.locked_until }
end
-- In the record, as `records.ts` packs it. No number: none has passed.
local parsed, record = pcall(cjson.decode, session.record)
local second_factor_at = parsed and type(record) == 'table' and tonumber(record[7])
if second_factor_at and second_factor_at < tonumber(ARGV[6]) then
  return { 'stale', session.record, session.seen, session.absolute_at, version_of(KEYS[2], account, ARGV[8], now) }
end
local since_ms = recorded_at and now - tonumber(recorded_at)
-- Below zero, the clock that noted it was ahead.
local is_due = not since_ms or since_ms < 0 or since_ms >= RECORDED_EVERY_MS or address ~= ARGV[7]
redis.call('HSET', KEYS[1], 'r', ARGV[5], 'w', ARGV[7], 'n', is_due and now or recorded_at)
use_session(KEYS[3], KEYS[1], ARGV[2], session, now)
local version = version_of(KEYS[2], account, ARGV[8], now)
return { 'rotated', session.record, session.seen, session.absolute_at, version, is_due and 1 or 0 }
