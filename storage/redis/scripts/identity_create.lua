#!lua
-- A new identity, while the reservation of its logins holds.
-- KEYS idn epoch audit identities  ARGV op retry event id created deadline (field value)…
--include clock
--include room
local epoch = redis.call('GET', KEYS[2]) or 0
local op = redis.call('HGET', KEYS[1], 'op')
if op then
  if op ~= '' and op == ARGV[1] then return {'OK', epoch} end
  return {'CONFLICT', epoch}
end
if now > tonumber(ARGV[6]) then return {'LATE', epoch} end
if not room(KEYS[3]) then return {'FULL', epoch} end
redis.call('HSET', KEYS[1], 'op', ARGV[1], unpack(ARGV, 7))
redis.call('ZADD', KEYS[4], ARGV[5], ARGV[4])
redis.call('XADD', KEYS[3], '*', 'event', ARGV[3])
return {'OK', redis.call('INCR', KEYS[2])}
