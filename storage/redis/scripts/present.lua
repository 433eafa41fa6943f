#!lua flags=allow-oom
-- Who serves, who has repeated on which server what it sent, and what each wants known.
-- With a name the caller says so of itself: that it serves, its note in place of an
-- earlier one, and on which servers it has repeated all.
-- KEYS served repeated notes  ARGV name within kept note earlier server…
--include clock
local function since(key, age) return redis.call('ZRANGE', key, now - age, '+inf', 'BYSCORE') end
if ARGV[1] == '' then
  return {since(KEYS[1], ARGV[2]), since(KEYS[2], ARGV[3]), since(KEYS[3], ARGV[2])}
end
redis.call('ZADD', KEYS[1], now, ARGV[1])
for i = 6, #ARGV do redis.call('ZADD', KEYS[2], now, ARGV[i]) end
if ARGV[5] ~= '' then redis.call('ZREM', KEYS[3], ARGV[5]) end
if ARGV[4] ~= '' then redis.call('ZADD', KEYS[3], now, ARGV[4]) end
for _, key in ipairs(KEYS) do redis.call('ZREMRANGEBYSCORE', key, '-inf', now - ARGV[3]) end
return {since(KEYS[1], ARGV[2]), since(KEYS[2], ARGV[3]), since(KEYS[3], ARGV[2])}
