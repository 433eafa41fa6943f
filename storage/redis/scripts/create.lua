#!lua
-- A new token.
-- KEYS pat epoch audit idn names live by_created owned parent managed kids…
-- ARGV op retry event id name limit live created local-parent owned managed (field value)…
--include clock
--include room
local epoch = redis.call('GET', KEYS[2]) or 0
local op = redis.call('HGET', KEYS[1], 'op')
if op then
  if op ~= '' and op == ARGV[1] then return {'OK', epoch} end
  return {'CONFLICT', epoch}
end
if redis.call('EXISTS', KEYS[4]) == 0 then return {'NOOWNER', epoch} end
if ARGV[9] == '1' and redis.call('HGET', KEYS[9], 'state') ~= 'ACTIVE' then return {'CONFLICT', epoch} end
if redis.call('HEXISTS', KEYS[5], ARGV[5]) == 1 then return {'NAME', epoch} end
if redis.call('HLEN', KEYS[5]) >= $MAXRECORDS then return {'LIMIT', epoch} end
local limit, live = tonumber(ARGV[6]), ARGV[7]
if limit > 0 and live ~= '' and (live == '+inf' or tonumber(live) > now)
  and redis.call('ZCOUNT', KEYS[6], string.format('(%.0f', now), '+inf') >= limit then
  return {'LIMIT', epoch}
end
if not room(KEYS[3]) then return {'FULL', epoch} end
redis.call('HSET', KEYS[1], 'op', ARGV[1], unpack(ARGV, 12))
redis.call('HSET', KEYS[5], ARGV[5], ARGV[4])
if live ~= '' then redis.call('ZADD', KEYS[6], live, ARGV[4]) end
redis.call('ZADD', KEYS[7], ARGV[8], ARGV[4])
if ARGV[10] == '1' then redis.call('SADD', KEYS[8], ARGV[4]) end
if ARGV[11] == '1' then redis.call('ZADD', KEYS[10], ARGV[8], ARGV[4]) end
for i = 11, #KEYS do redis.call('SADD', KEYS[i], ARGV[4]) end
redis.call('XADD', KEYS[3], '*', 'event', ARGV[3])
return {'OK', redis.call('INCR', KEYS[2])}
