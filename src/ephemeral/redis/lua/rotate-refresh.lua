-- Replaces the refresh token's hash. The one before it is good for one more for a while; any other that was used before
-- ends the grant, and a session that is no browser's.
-- KEYS: 1 session, 2 account, 3 set of sessions
-- ARGV: 1 now (ms), 2 sid, 3 grant id, 4 presented hash, 5 next hash, 6 since when (s) a second factor is not too old,
--       7 address it comes from or '', 8 the account's version where it has none, 9 for how long the one before is good (ms),
--       10 thumbprint of the key that is shown or ''
-- Result: { 'rotated', session…, version, 1 if it is to be recorded, 1 if by the token before }
--         or { 'stale', session…, version } or { 'reused', session…, ended session or nothing }
--         or { 'wrong_key', session… } or { 'locked', session…, until (ms) } or { 'unknown' };
--         session…: record, last seen (ms), absolute expiry (s), 1 where it is a browser's, what the grant has of its own,
--         its key

local RECORDED_EVERY_MS = 60 * 60 * 1000

local now, grant_id, presented = tonumber(ARGV[1]), ARGV[3], ARGV[4]
local account = read_account(KEYS[2])
local session = read_session(KEYS[1], account, now, grant_id)
local grant = session and read_grant(session.grant)
local is_whole, second_factor_at = false, nil
if grant then
  is_whole, second_factor_at = second_factor_of(session, grant)
end
-- Who does not know the family part never had a token of this grant, and must not be able to end it.
if not is_whole or grant.refresh_hash == '' then
  return { 'unknown' }
end

local function answer(kind, ...)
  local in_browser = session.browser_key and 1 or 0
  return { kind, session.record, session.seen, session.absolute_at, in_browser, grant.own, grant.jkt, ... }
end

-- Without the key nobody uses its tokens, and nobody ends it by one.
if grant.jkt ~= '' and grant.jkt ~= ARGV[10] then
  return answer('wrong_key')
end
local is_current = grant.refresh_hash == presented
-- What was before the current one is there only as long as the current one is unused.
local is_graced = not is_current
  and grant.before_hash == presented
  and now < (tonumber(grant.replaced_at) or 0) + tonumber(ARGV[9])
if not is_current and not is_graced then
  return answer('reused', end_grant(KEYS[3], KEYS[1], ARGV[2], session, grant_id))
end
if account.locked_until > now then
  return answer('locked', account.locked_until)
end
if second_factor_at and second_factor_at < tonumber(ARGV[6]) then
  return answer('stale', version_of(KEYS[2], account, ARGV[8], now))
end
local recorded_at = tonumber(grant.recorded_at)
local since_ms = recorded_at and now - recorded_at
-- Below zero, the clock that noted it was ahead.
local is_due = not since_ms or since_ms < 0 or since_ms >= RECORDED_EVERY_MS or grant.address ~= ARGV[7]
-- A token that was good once more is not so a third time.
grant.before_hash, grant.replaced_at = is_current and presented or '', now
grant.refresh_hash, grant.address, grant.used = ARGV[5], ARGV[7], now
if is_due then
  grant.recorded_at = now
end
use_session(KEYS[3], KEYS[1], ARGV[2], session, now, 'g:' .. grant_id, packed_grant(grant))
local version = version_of(KEYS[2], account, ARGV[8], now)
return answer('rotated', version, is_due and 1 or 0, is_graced and 1 or 0)
