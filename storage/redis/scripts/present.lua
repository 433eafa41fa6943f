#!lua flags=allow-oom
-- Who serves, who has repeated on which server what it sent, what each wants known, and
-- whether there is a catalog: where there is none, nothing is served.
-- With a name the caller says so of itself: that it serves, its note in place of an
-- earlier one, and on which servers it has repeated all.
-- KEYS served repeated notes catalog  ARGV name within kept note earlier server…
--include clock
if ARGV[1] ~= '' then
  redis.call('ZADD', KEYS[1], now, ARGV[1])
  for i = 6, #ARGV do redis.call('ZADD', KEYS[2], now, ARGV[i]) end
  if ARGV[5] ~= '' then redis.call('ZREM', KEYS[3], ARGV[5]) end
  if ARGV[4] ~= '' then redis.call('ZADD', KEYS[3], now, ARGV[4]) end
  for i = 1, 3 do redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now - ARGV[3]) end
end
local function since(key, age) return redis.call('ZRANGE', key, now - age, '+inf', 'BYSCORE') end
return {since(KEYS[1], ARGV[2]), since(KEYS[2], ARGV[3]), since(KEYS[3], ARGV[2]), redis.call('EXISTS', KEYS[4])}
