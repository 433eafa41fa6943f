#!lua flags=allow-oom
-- Nothing, in a way that only a primary which takes writes allows: one of a cluster that
-- is down lets a script run, and no command of it.
local answer = redis.pcall('EXISTS', 'cambio:{cfg}:epoch')
if type(answer) == 'table' and answer.err and string.find(answer.err, 'cluster is down', 1, true) then
  return redis.error_reply('CLUSTERDOWN ' .. answer.err)
end
return 1
