#!lua flags=allow-oom
-- Changes of the catalog, if its version still is the one that was read.
-- KEYS catalog epoch audit organizations groups assignments
-- ARGV op retry want ends changes (key id value)×changes event…
-- key is the place among KEYS, an empty value removes.
--include room
local epoch = redis.call('GET', KEYS[2]) or 0
local p = redis.call('HMGET', KEYS[1], 'version', 'op')
if p[2] ~= '' and p[2] == ARGV[1] then return {'OK', epoch} end
if (p[1] or '0') ~= ARGV[3] then return {'CONFLICT', epoch} end
if ARGV[4] == '' and not room(KEYS[3]) then return {'FULL', epoch} end
redis.call('HSET', KEYS[1], 'op', ARGV[1])
redis.call('HINCRBY', KEYS[1], 'version', 1)
local last = 5 + 3 * tonumber(ARGV[5])
for i = 6, last, 3 do
  local key = KEYS[tonumber(ARGV[i])]
  if ARGV[i + 2] ~= '' then
    redis.call('HSET', key, ARGV[i + 1], ARGV[i + 2])
  else
    redis.call('HDEL', key, ARGV[i + 1])
  end
end
for i = last + 1, #ARGV do redis.call('XADD', KEYS[3], '*', 'event', ARGV[i]) end
return {'OK', redis.call('INCR', KEYS[2])}
