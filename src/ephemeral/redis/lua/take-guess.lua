-- Counts one guess at a password, in the lane of the network it comes from. A network from which the account has
-- signed in has a lane of its own; all others share one.
-- KEYS: 1 guesses, 2 account
-- ARGV: 1 now (ms), 2 limit, 3 first wait (ms), 4 network or '', 5 until when (ms) the shared lane is closed in any
--       case, or 0
-- Result: { lane, 0 or until when (ms) it is closed, 0 or until when (ms) this guess has closed it,
--           account locked until (ms), session epoch, challenge epoch }

local now, network, closed_until = tonumber(ARGV[1]), ARGV[4], tonumber(ARGV[5])
local account = read_account(KEYS[2])
local lane, closes_until = 'others', 0
if knows_network(KEYS[2], network) then
  lane, closed_until = network, 0
end
if closed_until <= now then
  closed_until, closes_until = take_guess(KEYS[1], lane, tonumber(ARGV[2]), tonumber(ARGV[3]), now)
end
return { lane, closed_until, closes_until, account.locked_until, account.session_epoch, account.challenge_epoch }
