-- Publishes a heartbeat on the channel of the changes. It includes a write, which only a primary accepts, and
-- which needs no memory, so that a full server accepts it, too. The key holds a name of the server's data,
-- which is lost when the server is emptied.
local life = KEYS[1]
local message, channel, cluster, new = unpack(ARGV)

-- Returns the primaries that have slots, as this one sees them, and the targets of its own slots that are
-- moving.
local function view()
  local ids, has, going = {}, {}, {}
  local shape = '^(%x+) %S+ (%S+) %S+ %S+ %S+ %S+ %S+ (.+)$'
  for line in string.gmatch(redis.call('CLUSTER', 'NODES'), '[^\r\n]+') do
    local id, flags, slots = string.match(line, shape)
    if id and string.find(flags, 'master', 1, true) and string.find(' ' .. slots, ' %d') then
      ids[#ids + 1], has[id] = id, true
    end
    if id and string.find(flags, 'myself', 1, true) then
      for target in string.gmatch(slots, '%->%-(%x+)') do going[#going + 1] = target end
    end
  end
  table.sort(ids)
  return ids, has, going
end

redis.call('PERSIST', life)
local replication = redis.call('INFO', 'replication')
local source = string.match(replication, 'master_replid:(%x+)')
if not source then error('AUTHBEAT INFO shows no replication id') end
-- A replica can be configured to accept writes.
if not string.find(replication, 'role:master', 1, true) then error('AUTHBEAT the server is a replica') end
local name, count = redis.call('GET', life), 1
if not name then
  name = new
  redis.call('SET', life, name)
end
source = source .. '-' .. name
if cluster == '1' then
  local ids, has, going = view()
  -- A change that is written there already is announced there, but only a source is listened to.
  for _, id in ipairs(going) do
    if not has[id] then error('AUTHBEAT slots are moving to a server that has none yet') end
  end
  source = source .. '-' .. string.sub(redis.sha1hex(table.concat(ids)), 1, 16)
  count = #ids
end
redis.call('PUBLISH', channel, message .. ' ' .. source)
return {source, count}
