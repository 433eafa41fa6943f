#!lua flags=allow-oom
-- A changed token, if its revision still is the one that was read.
-- KEYS pat epoch audit names live by_created managed
-- ARGV op retry event id name limit live created revision ahead previous managed sets (field value)×sets field…
--include clock
--include room
--include ended
local epoch = redis.call('GET', KEYS[2]) or 0
local p = redis.call('HMGET', KEYS[1], 'rev', 'name', 'op', 'previous', 'gen')
if not p[3] then return {'NOTFOUND', epoch} end
if p[3] ~= '' and p[3] == ARGV[1] then return {'OK', epoch} end
if (p[1] or '') ~= ARGV[9] then return {'CONFLICT', epoch} end
if p[2] ~= ARGV[5] and redis.call('HEXISTS', KEYS[4], ARGV[5]) == 1 then return {'NAME', epoch} end
local limit, live = tonumber(ARGV[6]), ARGV[7]
if limit > 0 and live ~= '' and (live == '+inf' or tonumber(live) > now) then
  local before = redis.call('ZSCORE', KEYS[5], ARGV[4])
  if not (before and (before == 'inf' or tonumber(before) > now))
    and redis.call('ZCOUNT', KEYS[5], string.format('(%.0f', now), '+inf') >= limit then
    return {'LIMIT', epoch}
  end
end
if not room(KEYS[3]) then return {'FULL', epoch} end
local last, log, before = 13 + 2 * tonumber(ARGV[13]), nil, nil
for i = 14, last, 2 do
  if ARGV[i] == 'gen' and tonumber(ARGV[i + 1]) > tonumber(p[5] or 0) then
    log, before = ends(KEYS[3]), string.format('%.0f', ARGV[i + 1] - 1)
  end
end
if log then tell(log, 'p' .. ARGV[4] .. before) end
if p[2] ~= ARGV[5] then
  redis.call('HDEL', KEYS[4], p[2])
  redis.call('HSET', KEYS[4], ARGV[5], ARGV[4])
end
if live ~= '' then
  redis.call('ZADD', KEYS[5], live, ARGV[4])
else
  redis.call('ZREM', KEYS[5], ARGV[4])
end
redis.call('ZADD', KEYS[6], ARGV[8], ARGV[4])
if ARGV[12] == '1' then
  redis.call('ZADD', KEYS[7], ARGV[8], ARGV[4])
else
  redis.call('ZREM', KEYS[7], ARGV[4])
end
redis.call('HSET', KEYS[1], 'op', ARGV[1], unpack(ARGV, 14, last))
if ARGV[10] ~= '' then redis.call('HSET', KEYS[1], 'ahead', ARGV[10]) else redis.call('HDEL', KEYS[1], 'ahead') end
if last < #ARGV then redis.call('HDEL', KEYS[1], unpack(ARGV, last + 1)) end
if (p[4] or '') ~= ARGV[11] then redis.call('HDEL', KEYS[1], 'old_uses') end
redis.call('XADD', KEYS[3], '*', 'event', ARGV[3])
return {'OK', redis.call('INCR', KEYS[2])}
