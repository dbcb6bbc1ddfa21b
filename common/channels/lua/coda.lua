
-- Comes after every script. The script's text is the body of `run`; this runs it for each of several calls that share
-- their KEYS. A call that fails does not stop the others; each is still all or nothing.
-- ARGV  for each call the number of its arguments, then the arguments
-- Returns each call's result or error.

local results = {}
local from = 1
while from <= #ARGV do
  local to = from + ARGV[from]
  local ran, result = pcall(run, { unpack(ARGV, from + 1, to) })
  if not ran and type(result) == 'string' then -- an error is a text before Redis 7, later a table with this field
    result = { err = 'ERR ' .. result }
  end
  results[#results + 1] = result
  from = to + 1
end
return results
