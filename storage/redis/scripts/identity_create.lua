#!lua
-- A new identity, while the reservation of its logins holds.
-- KEYS idn epoch audit identities  ARGV op retry event id prefix created deadline (field value)… record
--include clock
--include groups
--include room
local epoch = redis.call('GET', KEYS[2]) or 0
local op = redis.call('HGET', KEYS[1], 'op')
if op then
  if op ~= '' and op == ARGV[1] then return {'OK', epoch} end
  return {'CONFLICT', epoch}
end
if now > tonumber(ARGV[7]) then return {'LATE', epoch} end
if not room(KEYS[3]) then return {'FULL', epoch} end
local member_of = groups(ARGV[5], ARGV[#ARGV])
look(member_of)
redis.call('HSET', KEYS[1], 'op', ARGV[1], unpack(ARGV, 8))
redis.call('ZADD', KEYS[4], ARGV[6], ARGV[4])
move(ARGV[4], {}, member_of)
redis.call('XADD', KEYS[3], '*', 'event', ARGV[3])
return {'OK', redis.call('INCR', KEYS[2])}
