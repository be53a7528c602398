-- Replaces the refresh token's hash; one that was used before ends the session.
-- KEYS: 1 session, 2 account, 3 set of sessions
-- ARGV: 1 now (ms), 2 sid, 3 family hash, 4 presented hash, 5 next hash,
--       6 since when (s) a second factor is not too old
-- Result: { 'rotated', session… } or { 'reused', session… } or { 'stale', session… } or { 'locked', session…, until (ms) }
--         or { 'unknown' }; session…: record, last seen (ms), absolute expiry (s)

local now = tonumber(ARGV[1])
local account = read_account(KEYS[2])
local session = read_session(KEYS[1], account, now)
local family_hash, refresh_hash = unpack(redis.call('HMGET', KEYS[1], 'rf', 'r'))
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
  return { 'stale', unpack(session_reply(session)) }
end
redis.call('HSET', KEYS[1], 'r', ARGV[5])
use_session(KEYS[3], KEYS[1], ARGV[2], session, now)
return { 'rotated', unpack(session_reply(session)) }
