#!lua flags=allow-oom
-- The right to ship audit events, for the process that has it or takes it; with
-- a term of 0 it is given up, with none only looked at.
-- KEYS lease epoch  ARGV holder term
local epoch = redis.call('GET', KEYS[2]) or 0
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {'OK', epoch, 0} end
if ARGV[2] == '' then return {'OK', epoch, holder and 1 or 0} end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return {'OK', epoch, 1}
