-- Wireshark dissector of the P2P-DI protocol, versions 1.0 and 1.1, and of the two requests of the course handout.
--
--   tshark -X lua_script:p2p-di.lua -r FILE            or copy it into the folder of personal Lua plugins, which
--                                                      Wireshark names under Help, About, Folders.
--
-- Needs Wireshark 4.0 or later. The RS is found at its port, everything else by the first line of a request. Messages
-- are put together from any number of segments. What breaks the specification has an expert info: filter p2pdi.wrong.
--
-- From top to bottom: limits and fields; values; lines; requests; responses; bodies; streams and the dissector. What
-- is read from the bytes is kept for each message, so that it is the same whenever Wireshark asks again.

local NAME = "P2P-DI"
local RS_PORT = 65423
local MAX_LINE, MAX_HEAD, MAX_HEAD_LINES, MAX_DATA = 8192, 16384, 32, 16384
local MAX_SIZE = "9223372036854775807"
local MAX_BODY = 268435456 -- bytes; a longer body is not put together but shown as it comes
local MAX_BODY_LINE = 65536
local MAX_ITEMS = 10000 -- lines of a body that are taken apart
local MAX_OUTSTANDING = 64
local ONE_MORE_SEGMENT = 0x0fffffff

local p2pdi = Proto("p2pdi", "P2P with a Distributed Index")

-- Fields --------------------------------------------------------------------------------------------------------------

local fields, kinds = {}, {}

local function define(kind, name, title)
  local abbreviation = "p2pdi." .. name
  local make = kind == "number" and ProtoField.int64 or kind == "flag" and ProtoField.bool
    or kind == "bytes" and ProtoField.bytes or ProtoField.string
  fields[name] = kind == "number" and make(abbreviation, title, base.DEC) or make(abbreviation, title)
  kinds[name] = kind
end

for name, title in pairs({
  method = "Method", version = "Version", phrase = "Phrase", host = "Host", os = "OS", header = "Other header",
  document = "Document", stem = "Stem", type = "Type", search = "Search", text = "Text", sha256 = "SHA-256",
  range = "Range", after = "After", since = "Since", index = "Index", modified = "Modified", site = "Site",
  peer = "Peer", ["peer.address"] = "Address", record = "Index record", ["record.stem"] = "Stem",
  ["record.type"] = "Type", ["record.title"] = "Title", ["record.host"] = "Holder", ["record.sha256"] = "SHA-256",
  ["record.pieces"] = "Hash of the piece list", removed = "No longer there", have = "Pieces of an unfinished file",
  ["have.sha256"] = "SHA-256", ["have.pieces"] = "Pieces", want = "Wanted", ["want.sha256"] = "SHA-256",
  ["want.pieces"] = "Pieces", piece = "SHA-256 of a piece", found = "Found document", ["found.stem"] = "Stem",
  ["found.type"] = "Type", ["found.title"] = "Title", ["found.sha256"] = "SHA-256", ["found.rfc"] = "RFC",
  ["found.category"] = "Category", ["found.date"] = "Date", ["found.authors"] = "Authors",
  ["found.obsoletes"] = "Obsoletes", ["found.updates"] = "Updates", ["found.marks"] = "Terms in the passage",
  ["found.passage"] = "Passage", probed = "Probed", line = "Line", other = "Other line of a head",
}) do
  define("text", name, title)
end

for name, title in pairs({
  status = "Status", cookie = "Cookie", port = "Port", length = "Length", size = "Size", limit = "Limit",
  sample = "Sample", retry_after = "Retry-After", turns = "Turns", ["range.first"] = "First", ["range.last"] = "Last",
  ["peer.port"] = "Port", ["record.port"] = "Port", ["record.ttl"] = "TTL", ["record.size"] = "Size",
  ["record.rfc"] = "RFC", ["have.size"] = "Size", ["found.size"] = "Size", ["found.weight"] = "Weight", rfc = "RFC",
  left = "Bytes of the body in later segments",
}) do
  define("number", name, title)
end

for name, title in pairs({
  request = "Request", response = "Response", follow = "Follow", hearsay = "Hearsay", news = "News", more = "More",
  ["record.private"] = "Private", heard = "Hearsay", reachable = "Can be reached", handout = "In the handout's form",
}) do
  define("flag", name, title)
end

define("bytes", "body", "Content")
define("bytes", "rest", "Bytes")
fields.request_in = ProtoField.framenum("p2pdi.request_in", "Request in frame", base.NONE, frametype.REQUEST)
fields.response_in = ProtoField.framenum("p2pdi.response_in", "Response in frame", base.NONE, frametype.RESPONSE)
fields.continues = ProtoField.framenum("p2pdi.continues", "Goes on with the response in frame", base.NONE)
fields.time = ProtoField.relative_time("p2pdi.time", "Time since the request")
p2pdi.fields = fields

local experts = {
  wrong = ProtoExpert.new("p2pdi.wrong", "Breaks the specification", expert.group.PROTOCOL, expert.severity.ERROR),
  refused = ProtoExpert.new("p2pdi.refused", "Refused", expert.group.RESPONSE_CODE, expert.severity.NOTE),
  passed_over = ProtoExpert.new("p2pdi.passed_over", "Passed over", expert.group.PROTOCOL, expert.severity.NOTE),
  unmatched = ProtoExpert.new("p2pdi.unmatched", "No request", expert.group.SEQUENCE, expert.severity.WARN),
  unread = ProtoExpert.new("p2pdi.unread", "Not taken apart", expert.group.UNDECODED, expert.severity.NOTE),
}
p2pdi.experts = experts

-- Values: a check returns what is wrong with a text, nil if nothing is ------------------------------------------------

-- Return the number of characters of a text; or nil and why it is none.
local function characters(text)
  if not text:find("[^\32-\126]") then return #text end
  local count, at, control = 0, 1, nil
  while at <= #text do
    local byte = text:byte(at)
    local more = byte < 0x80 and 0 or byte < 0xE0 and 1 or byte < 0xF0 and 2 or 3
    local point = more == 0 and byte or byte % 2 ^ (6 - more)
    if byte >= 0x80 and byte < 0xC2 or byte > 0xF4 or at + more > #text then return nil, "is not UTF-8" end
    for next_byte = at + 1, at + more do
      local tail = text:byte(next_byte)
      if tail < 0x80 or tail > 0xBF then return nil, "is not UTF-8" end
      point = point * 64 + tail - 0x80
    end
    if more == 2 and (point < 0x800 or point >= 0xD800 and point <= 0xDFFF)
      or more == 3 and (point < 0x10000 or point > 0x10FFFF) then return nil, "is not UTF-8" end
    control = control or point < 32 or point >= 0x7F and point <= 0x9F or point == 0x2028 or point == 0x2029
    count, at = count + 1, at + more + 1
  end
  if control then return nil, "has a control character" end
  return count
end

local function text_of(low, high)
  return function(text)
    local count, wrong = characters(text)
    if wrong then return wrong end
    if count < low or count > high then return "has " .. count .. " characters, not " .. low .. " to " .. high end
  end
end

local function name_part(text)
  local _, wrong = characters(text)
  return wrong
end

local function document_name(text)
  if text == "" or #text > 1024 then return "has " .. #text .. " bytes, not 1 to 1024" end
  return name_part(text)
end

-- The check of plain decimals from `low` to `high`, which is at most 2^53; without it to 2^63 - 1.
local function number_of(low, high)
  local wrong = "must be a decimal number from " .. low .. " to " .. (high and string.format("%.0f", high) or MAX_SIZE)
  return function(text)
    if not (text == "0" or text:find("^[1-9]%d*$")) or #text > 19 then return wrong end
    if #text == 19 and (high or text > MAX_SIZE) then return wrong end
    if tonumber(text) < low or high and tonumber(text) > high then return wrong end
  end
end

local function matching(pattern, high, wrong)
  return function(text)
    if not text:find(pattern) or #text > high then return wrong end
  end
end

local size, port, yes = number_of(0), number_of(1, 65535), matching("^yes$", 3, "can only be yes")
local digest = matching("^" .. string.rep("[0-9a-f]", 64) .. "$", 64, "must be 64 lower-case hexadecimal digits")
local index_version = matching("^[0-9A-Za-z.]+$", 64, "must be 1 to 64 letters, digits and dots")
local site_name = matching("^[0-9A-Za-z._-]+$", 64, "must be 1 to 64 letters, digits, dots, underscores and hyphens")
local host_text = matching("^[\33-\126]+$", 255, "must be 1 to 255 visible ASCII characters")
local piece_number = number_of(0, 4294967296)

local function moment(text)
  local year, month, day, hour, minute, second = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d) (%d%d):(%d%d):(%d%d)$")
  if not year then return "must be YYYY-MM-DD HH:MM:SS" end
  local february = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0) and 29 or 28
  local days = ({31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31})[tonumber(month)]
  if year < "1970" or not days or day < "01" or tonumber(day) > days
    or hour > "23" or minute > "59" or second > "59" then
    return "is no moment from 1970 on"
  end
end

local function byte_range(text)
  local first, last = text:match("^(%d+)%-(%d+)$")
  if not first or size(first) or size(last) or #first > #last or #first == #last and first > last then
    return "must be FIRST-LAST, with FIRST not after LAST"
  end
end

local function pieces(text)
  local before = -2
  for part in (text .. ","):gmatch("([^,]*),") do
    local first, dash, last = part:match("^([^-]*)(%-?)(.*)$")
    if dash == "" then last = first end
    if piece_number(first) or piece_number(last) or dash ~= "" and tonumber(last) <= tonumber(first)
      or tonumber(first) <= before + 1 then return "must be ascending numbers and ranges with gaps between them" end
    before = tonumber(last)
  end
end

local function pieces_or_none(text) return text ~= "-" and pieces(text) or nil end
local function digest_or_none(text) return text ~= "-" and digest(text) or nil end

local function is_ipv4(text)
  local count = 0
  for octet in (text .. "."):gmatch("([^.]*)%.") do
    if number_of(0, 255)(octet) then return false end
    count = count + 1
  end
  return count == 4
end

local function is_ipv6(text)
  local ahead, quad = text:match("^(.*:)([^:]*%.[^:]*)$")
  if ahead then
    if not is_ipv4(quad) then return false end
    text = ahead .. "0:0"
  end
  local gap, groups = text:find("::", 1, true), 0
  if gap and text:find("::", gap + 1, true) or text:find("^:[^:]") or text:find("[^:]:$") then return false end
  for group in text:gmatch("[^:]+") do
    if not group:find("^%x%x?%x?%x?$") then return false end
    groups = groups + 1
  end
  return gap and groups < 8 or groups == 8
end

local function peer_host(text)
  local wrong = "must be an IP address or a host name at which a peer can be"
  if text:find(":", 1, true) then
    return (not is_ipv6(text) or not text:find("[1-9a-fA-F]") or text:find("^[fF][fF]%x%x:")) and wrong or nil
  end
  if is_ipv4(text) then
    local first = tonumber(text:match("^%d+"))
    return (first >= 224 and first < 240 or text == "0.0.0.0") and wrong or nil
  end
  local last
  for label in (text .. "."):gmatch("([^.]*)%.") do
    if #label > 63 or not label:find("^%w[%w-]*$") or label:find("%-$") then return wrong end
    last = label
  end
  return (#text > 253 or last:find("^%d+$")) and wrong or nil
end

local function address(text)
  local host, number = text:match("^(%S+) (%d+)$")
  if not host then return "must be ADDRESS PORT" end
  return peer_host(host) or port(number)
end

-- Lines: pieces of text that know their place in the buffer -----------------------------------------------------------

-- Return the line at `from` (1 is the first) of `text`, which stands at `base` in the buffer, and where the next one
-- begins; nil if its end is not there. `size` counts the end, `text` goes without it.
local function line_at(text, from, base)
  local stop = text:find("\n", from, true)
  if not stop then return nil end
  local last = stop - 1
  if last >= from and text:byte(last) == 13 then last = last - 1 end
  return {text = text:sub(from, last), at = base + from - 1, size = stop - from + 1}, stop + 1
end

local function cut(piece, from, to)
  return {text = piece.text:sub(from, to), at = piece.at + from - 1, size = to - from + 1}
end

-- Cut a line at each `separator`, a single byte.
local function split(line, separator)
  local found, from = {}, 1
  while true do
    local stop = line.text:find(separator, from, true)
    found[#found + 1] = cut(line, from, (stop or #line.text + 1) - 1)
    if not stop then return found end
    from = stop + 1
  end
end

-- Read the lines of the head at `at` up to the empty one. `check(index, text)` says what is wrong with a line. Return
-- them, the place behind, and what is wrong, which ends the head; nil if more must come.
local function read_head(tvb, at, check)
  local text = tvb:raw(at, math.min(tvb:len() - at, MAX_HEAD + 2 * MAX_HEAD_LINES))
  local lines, from, total = {}, 1, 0
  while true do
    local line, behind = line_at(text, from, at)
    local length = line and #line.text or #text - from
    if length > MAX_LINE or total + length + 2 > MAX_HEAD or line and line.text ~= "" and #lines == MAX_HEAD_LINES then
      return lines, nil, "the head has more than 8192 bytes in a line, 32 lines or 16384 bytes"
    end
    if not line then return nil end
    if line.text == "" then
      return lines, at + behind - 1, #lines == 0 and "an empty line stands where a first line must be" or nil
    end
    lines[#lines + 1] = line
    local wrong = check(#lines, line.text)
    if wrong then return lines, nil, wrong end
    total, from = total + length + 2, behind
  end
end

-- Return the names and values of the lines of a head as pieces, and those lines that have no such form.
local function read_headers(lines, colon)
  local headers, others = {}, {}
  for index = 2, #lines do
    local line = lines[index]
    local name, gap, value = line.text:match("^(%a[%w-]*)(" .. colon .. " )(.*)$")
    if not name then name, gap, value = line.text:match("^(%a%a%a?%a?)(:? )(.*)$") end
    if name and #name <= 64 and characters(value) then
      local from = #name + #gap + 1
      headers[#headers + 1] = {name = name, value = cut(line, from, #line.text), line = line}
    else
      others[#others + 1] = line
    end
  end
  return headers, others
end

local function value_of(headers, name)
  for _, header in ipairs(headers) do
    if header.name == name then return header.value end
  end
end

-- The tree ------------------------------------------------------------------------------------------------------------

-- Return a text that Wireshark can show.
local function shown(text)
  local _, wrong = characters(text)
  return wrong == "is not UTF-8" and text:gsub("[\128-\255]", "?") or text
end

-- A message's part of the packet tree.
local View = {}
View.__index = View

function View:range(piece) return self.tvb(piece.at, piece.size) end

function View:wrong(item, text) item:add_proto_expert_info(experts.wrong, text) end

local function int64(text)
  if #text < 16 then return Int64(tonumber(text)) end
  local value = Int64(0)
  for digit in text:gmatch("%d") do value = value * Int64(10) + Int64(tonumber(digit)) end
  return value
end

-- Show a piece as the field `name`; where `check` finds something wrong, as a plain line with an expert info.
function View:put(tree, name, piece, check)
  local wrong = check and check(piece.text)
  if wrong then
    local item = tree:add(fields.line, self:range(piece), shown(piece.text))
    self:wrong(item, name .. " " .. wrong)
    return item
  end
  local value = shown(piece.text)
  if kinds[name] == "number" then value = int64(piece.text) elseif kinds[name] == "flag" then value = true end
  return tree:add(fields[name], self:range(piece), value)
end

-- Show the columns of a line, `{field, check}` each; false stands for one that is not shown.
function View:columns(tree, parts, columns)
  for index, part in ipairs(parts) do
    local column = columns[index]
    if column then self:put(tree, column[1], part, column[2]) end
  end
end

function View:generated(name, value) self.tree:add(fields[name], value):set_generated() end

-- Headers: name, in messages of 1.1, and {field, check} ---------------------------------------------------------------

local positive, rfc_number = number_of(1), number_of(1, 99999)
local REQUEST_HEADERS = {
  Length = {"length", number_of(0, MAX_DATA)}, Limit = {"limit", positive}, Sample = {"sample", positive},
  After = {"after", address}, Range = {"range", byte_range}, ["SHA-256"] = {"sha256", digest},
  Since = {"since", index_version}, Follow = {"follow", yes}, Hearsay = {"hearsay", yes}, News = {"news", yes},
}
local RESPONSE_HEADERS = {
  Length = {"length", size}, Size = {"size", size}, Range = {"range", byte_range}, ["SHA-256"] = {"sha256", digest},
  More = {"more", yes}, Index = {"index", index_version}, Since = {"since", index_version},
  Modified = {"modified", moment}, ["Retry-After"] = {"retry_after", size}, Site = {"site", site_name},
  Turns = {"turns", positive},
}
local HANDOUT_HEADERS = {["Content-Length"] = {"length", size}}

function View:byte_range(item, piece)
  local dash = piece.text:find("-", 1, true)
  self:put(item, "range.first", cut(piece, 1, dash - 1))
  self:put(item, "range.last", cut(piece, dash + 1, #piece.text))
end

-- Show the headers of a message; `known` has those that it may have.
function View:headers(tree, message, known)
  for _, header in ipairs(message.headers) do
    local entry, item = known[header.name], nil
    if header.name == "Host" or header.name == "OS" then
      local check = header.name == "Host" and host_text or text_of(1, 255)
      entry = {header.name:lower(), message.kind == "request" and check}
    end
    if entry then
      item = self:put(tree, entry[1], header.value, entry[2])
      if entry[1] == "range" and not byte_range(header.value.text) then self:byte_range(item, header.value) end
    else
      item = tree:add(fields.header, self:range(header.line), shown(header.line.text))
      if not message.handout then item:add_proto_expert_info(experts.passed_over, header.name .. " is passed over") end
    end
  end
end

-- Requests ------------------------------------------------------------------------------------------------------------

-- Show a data line LABEL:VALUE; the value may be missing where `empty` is true.
local function labelled(name, labels, check, empty)
  return function(view, tree, line)
    local label, value = line.text:match("^([^:]*):(.*)$")
    if not labels[label] then
      view:wrong(tree:add(fields.line, view:range(line), shown(line.text)), "the line must be " .. name .. ":VALUE")
    elseif value ~= "" or not empty then
      view:put(tree, name, cut(line, #label + 2, #line.text), check)
    end
  end
end

local function plain(name, check)
  return function(view, tree, line) view:put(tree, name, cut(line, 1, #line.text), check) end
end

local function want_line(view, tree, line)
  local parts = split(line, " ")
  local item = view:put(tree, "want", line)
  if #parts ~= 2 then return view:wrong(item, "the line must be SHA-256 PIECES") end
  view:columns(item, parts, {{"want.sha256", digest}, {"want.pieces", pieces}})
end

local function search_text(text)
  if #text > 512 then return "has more than 512 bytes" end
  if not text:find("[%w\128-\255]") then return "has neither a letter nor a digit" end
  return name_part(text)
end

-- -1 stands for no cookie in some clients.
local function cookie(text) return text ~= "-1" and size(text) or nil end

local cookie_line = labelled("cookie", {cookie = true}, cookie)
local first_cookie_line = labelled("cookie", {cookie = true}, cookie, true)
local port_line = labelled("port", {port = true}, port)

-- Method: its data lines, the headers that it may have in 1.1, and those that it needs. Without `old`, only 1.1 has it.
local METHODS = {
  ["Register NULL"] = {old = true, data = {first_cookie_line, port_line}},
  ["Leave NULL"] = {old = true, data = {cookie_line, port_line}},
  ["KeepAlive NULL"] = {old = true, data = {cookie_line, port_line}},
  ["PQuery NULL"] = {old = true, data = {cookie_line, labelled("port", {port = true, cookie = true}, port)},
    may = {"Limit", "After", "Sample"}},
  ["GET INDEX"] = {old = true, data = {}, may = {"Since", "Follow", "Hearsay"}},
  ["GET FILE"] = {old = true, data = {plain("stem", name_part), plain("type", name_part)}, may = {"SHA-256", "Range"}},
  ["GET PIECES"] = {data = {}, needs = {"SHA-256"}},
  ["GET NEXT"] = {each = want_line, needs = {"Length"}},
  ["GET TURN"] = {data = {}, may = {"News"}},
  ["GET SOURCES"] = {data = {port_line}, needs = {"SHA-256"}},
  ["SEARCH INDEX"] = {data = {plain("search", search_text)}, may = {"Limit"}},
  ["CANCEL FILE"] = {data = {}, needs = {"SHA-256", "Range"}},
  ["Hello NULL"] = {data = {port_line}},
  ["Probe NULL"] = {data = {port_line}},
}
local HANDOUT = {["GET RFC-Index"] = {old = true, data = {}}, ["GET RFC"] = {old = true, data = {}}}

for _, methods in ipairs({METHODS, HANDOUT}) do
  for what, method in pairs(methods) do
    method.what, method.known = what, {Length = REQUEST_HEADERS.Length}
    for _, names in ipairs({method.may or {}, method.needs or {}}) do
      for _, name in ipairs(names) do method.known[name] = REQUEST_HEADERS[name] end
    end
  end
end

local VERSIONS = {}
for _, word in ipairs({"P2P_DI_", "P2P-DI_", "P2P-DI/"}) do
  VERSIONS[word .. "1.0"], VERSIONS[word .. "1.1"] = "1.0", "1.1"
end

-- Return the method, the version and the number of an RFC that the first line of a request names; or nil and what is
-- wrong with it.
local function request_line(text)
  local words = {}
  for word in (text .. " "):gmatch("([^ ]*) ") do words[#words + 1] = word end
  local version = VERSIONS[words[#words]]
  if text:upper() == "GET RFC-INDEX P2P-DI/1.0" then
    return HANDOUT["GET RFC-Index"], "1.0"
  elseif #words == 4 and words[1] == "GET" and words[2] == "RFC" and words[4] == "P2P-DI/1.0" then
    if rfc_number(words[3]) then return nil, "the number of an RFC " .. rfc_number(words[3]) end
    return HANDOUT["GET RFC"], "1.0", words[3]
  elseif #words ~= 3 then
    return nil, "the first line must be METHOD DOCUMENT VERSION"
  elseif not version then
    return nil, "unknown version"
  end
  local method = METHODS[words[1] .. " " .. (words[1] == "GET" and words[2]:upper() or words[2])]
  if not method or version == "1.0" and not method.old then return nil, "unknown method or document in " .. version end
  return method, version
end

-- Return the check of the lines of a request's head.
local function request_check()
  local version
  return function(index, text)
    local _, not_text = characters(text)
    if not_text then return "a line " .. not_text end
    if index == 1 then
      local method, found = request_line(text)
      version = found
      return not method and found or nil
    end
    local value = text:match("^Host:? (.*)$") or text:match("^OS:? (.*)$")
    if not value or value:sub(1, 1) == " " or text_of(1, 255)(value) then
      local name = text:match("^(%a[%w-]*): ")
      if version == "1.0" or not name or #name > 64 or name == "Host" or name == "OS" then
        return "after the first line come Host ADDRESS, OS TEXT and an empty line"
      end
    end
  end
end

-- Read data lines: `count` of them, or `length` bytes. Return them and the place behind; nil if more must come, false
-- and what is wrong if they are none.
local function read_data(tvb, at, count, length)
  local lines, left = {}, length or MAX_DATA
  while length and left > 0 or not length and #lines < count do
    local text = tvb:len() > at and tvb:raw(at, math.min(tvb:len() - at, MAX_LINE + 2)) or ""
    local line = line_at(text, 1, at)
    left = left - (line and line.size or #text)
    if left < 0 or #(line and line.text or text) > MAX_LINE then
      return false, "the data is longer than it may be, or than Length says"
    end
    if not line then return nil end
    lines[#lines + 1], at = line, at + line.size
  end
  if count and #lines ~= count then return false, "this message has " .. count .. " data lines" end
  return lines, at
end

-- Return the first name that two of these headers have.
local function twice(headers)
  local seen = {}
  for _, header in ipairs(headers) do
    if seen[header.name] then return header.name end
    seen[header.name] = true
  end
end

-- Return what makes the headers of a request unreadable.
local function request_headers_wrong(method, headers)
  local length = value_of(headers, "Length")
  if twice(headers) then return "a second " .. twice(headers) end
  if not value_of(headers, "Host") or not value_of(headers, "OS") then
    return "a request needs a Host and an OS line"
  end
  local wrong = length and REQUEST_HEADERS.Length[2](length.text)
  if wrong then return "Length " .. wrong end
  if method.each and not length then return method.what .. " needs the header Length" end
end

-- Read the request at `at`. Return it; nil if more must come.
local function read_request(tvb, at)
  local lines, behind, wrong = read_head(tvb, at, request_check())
  if not lines then return nil end
  local method, version, rfc = request_line(lines[1] and lines[1].text or "")
  local request = {kind = "request", lines = lines, method = method, version = method and version, rfc = rfc, data = {}}
  request.headers = read_headers(lines, ":")
  request.handout = method and HANDOUT[method.what] ~= nil
  wrong = wrong or request_headers_wrong(method, request.headers)
  if not wrong then
    local length = value_of(request.headers, "Length")
    local data, after = read_data(tvb, behind, method.data and #method.data, length and tonumber(length.text))
    if data == nil then return nil end
    if data then request.data, behind = data, after else wrong = after end
  end
  request.wrong, request.size = wrong, wrong and tvb:len() - at or behind - at
  return request
end

local function value_text(headers, name)
  local value = value_of(headers, name)
  return value and value.text
end

-- Return the whole name of the document that a GET FILE names.
local function document(request)
  local stem, kind = request.data[1].text, request.data[2].text
  return kind == "" and stem or stem .. "." .. kind
end

local function request_label(request)
  if request.wrong or not request.method then return "bad request" end
  local words = {(request.method.what:gsub(" NULL", ""))}
  if request.rfc then words[#words + 1] = request.rfc end
  if request.method.what == "GET FILE" then words[#words + 1] = shown(document(request)) end
  for _, name in ipairs({"Range", "Since", "Follow"}) do
    local value = request.method.known[name] and value_text(request.headers, name)
    if value then words[#words + 1] = name == "Range" and value or name == "Follow" and "follow" or "since " .. value end
  end
  if request.data[1] and request.method.data and request.method.what ~= "GET FILE" then
    words[#words + 1] = shown(request.data[#request.data].text)
  end
  return table.concat(words, " ")
end

-- Show what a request must have and has not.
function View:demands(item, request)
  local method, has = request.method, function(name) return value_of(request.headers, name) end
  for _, name in ipairs(method.needs or {}) do
    if not has(name) then self:wrong(item, method.what .. " needs the header " .. name) end
  end
  if method.known.Follow and has("Follow") and not has("Since") then self:wrong(item, "Follow needs Since") end
  if method.each and (#request.data < 1 or #request.data > 32) then self:wrong(item, "1 to 32 files must be named") end
end

function View:request(request)
  local tree = self.tree
  self:generated("request", true)
  for _, note in ipairs(request.notes or {}) do self:wrong(tree, note) end
  if request.lines[1] then
    local first = tree:add(fields.line, self:range(request.lines[1]), shown(request.lines[1].text))
    if request.method then
      first:add(fields.method, self:range(request.lines[1]), request.method.what)
      first:add(fields.version, self:range(request.lines[1]), request.version)
      if request.rfc then first:add(fields.rfc, self:range(request.lines[1]), int64(request.rfc)) end
      if request.handout then first:add(fields.handout, true):set_generated() end
    end
  end
  if request.wrong then self:wrong(tree, request.wrong) end
  if not request.method then return end
  self:headers(tree, request, request.version == "1.1" and request.method.known or {})
  if request.wrong then return end
  self:demands(tree, request)
  for index, line in ipairs(request.data) do (request.method.each or request.method.data[index])(self, tree, line) end
  if request.method.what == "GET FILE" then
    local name = document(request)
    local range = self.tvb(request.data[1].at, request.data[1].size + request.data[2].size)
    local item = tree:add(fields.document, range, shown(name))
    item:set_generated()
    if document_name(name) then self:wrong(item, "the name " .. document_name(name)) end
  end
end

-- Bodies: functions that show a line of one ---------------------------------------------------------------------------

local title, fact = text_of(0, 200), text_of(0, 200)
local RECORD = {{"record.stem", name_part}, {"record.type", name_part}, {"record.title", title},
  {"record.host", peer_host}, {"record.port", port}, {"record.ttl", number_of(0, 7200)}, {"record.size", size},
  {"record.sha256", digest}, {"record.pieces", digest_or_none}, {"record.private"}}

local function rfc_numbers(text)
  local count = 0
  if text == "-" then return nil end
  for part in (text .. ","):gmatch("([^,]*),") do
    if rfc_number(part) or count == 32 then return "must be up to 32 numbers of RFCs" end
    count = count + 1
  end
end

local function rfc_or_none(text) return text ~= "-" and rfc_number(text) or nil end

local function rfc_date(text)
  if text ~= "-" and not text:find("^%d%d%d%d$") and not text:find("^%d%d%d%d%-%d%d$")
    and not text:find("^%d%d%d%d%-%d%d%-%d%d$") then return "must be YYYY-MM or YYYY-MM-DD" end
end

local FOUND = {{"found.stem", name_part}, {"found.type", name_part}, {"found.title", title}, {"found.size", size},
  {"found.sha256", digest}, {"found.weight", number_of(0, 2200)}, {"found.rfc", rfc_or_none}, {"found.category", fact},
  {"found.date", rfc_date}, {"found.authors", fact}, {"found.obsoletes", rfc_numbers}, {"found.updates", rfc_numbers},
  {"found.marks", pieces_or_none}, {"found.passage", text_of(0, 400)}}

local function record_columns(view, item, parts)
  if #parts ~= 6 and #parts ~= 9 and not (#parts == 10 and parts[10].text == "private") then
    return view:wrong(item, "an index record has six fields, in 1.1 nine or, if it is private, ten")
  end
  view:columns(item, parts, RECORD)
end

local function record_line(view, tree, line)
  record_columns(view, tree:add(fields.record, view:range(line), shown(line.text)), split(line, "\t"))
end

local function change_line(view, tree, line)
  local parts = split(line, "\t")
  if #parts == 3 and parts[1].text == "-" then
    local name = parts[2].text .. (parts[3].text == "" and "" or "." .. parts[3].text)
    local item = tree:add(fields.removed, view:range(line), shown(name))
    if document_name(name) then view:wrong(item, "the name " .. document_name(name)) end
  elseif #parts == 4 and parts[1].text == "have" then
    local item = tree:add(fields.have, view:range(line), shown(line.text))
    view:columns(item, parts, {false, {"have.sha256", digest}, {"have.size", size}, {"have.pieces", pieces_or_none}})
  elseif #parts == 10 and parts[1].text == "heard" then
    local item = tree:add(fields.record, view:range(line), shown(line.text))
    item:add(fields.heard, true):set_generated()
    table.remove(parts, 1)
    record_columns(view, item, parts)
  else
    record_line(view, tree, line)
  end
end

-- A line of the handout's index. Its form is the student's choice, so that another is no mistake.
local HANDOUT_RECORD = {{"record.rfc", rfc_number}, {"record.title", title}, {"record.host", peer_host},
  {"record.ttl", number_of(0, 7200)}}

local function handout_line(view, tree, line)
  local parts = split(line, "\t")
  local item = tree:add(fields.record, view:range(line), shown(line.text))
  if #parts == 4 then view:columns(item, parts, HANDOUT_RECORD) end
end

local function found_line(view, tree, line)
  local parts = split(line, "\t")
  local item = tree:add(fields.found, view:range(line), shown(line.text))
  if #parts ~= 14 then return view:wrong(item, "a found document has fourteen fields") end
  view:columns(item, parts, FOUND)
end

local function peer_line(view, tree, line)
  local item = view:put(tree, "peer", line, address)
  if address(line.text) then return end
  view:columns(item, split(line, " "), {{"peer.address"}, {"peer.port"}})
end

local function probed_line(view, tree, line)
  local item = tree:add(fields.probed, view:range(line), shown(line.text))
  local reached = line.text:find(" can be reached$") ~= nil
  if not reached and not line.text:find(" cannot be reached: ") then
    return view:wrong(item, "the line must end in 'can be reached', or in 'cannot be reached' and the reason")
  end
  item:add(fields.reachable, view:range(line), reached)
end

local function text_line(view, tree, line) view:put(tree, "text", line, name_part) end

-- Method: how to show the lines of a granted answer, and how many there are. What is not here is content.
local BODIES = {
  ["Register NULL"] = {cookie_line, 1}, ["Leave NULL"] = {text_line, 1}, ["KeepAlive NULL"] = {text_line, 1},
  ["PQuery NULL"] = {peer_line}, ["GET INDEX"] = {change_line}, ["GET PIECES"] = {plain("piece", digest)},
  ["GET TURN"] = {change_line}, ["GET SOURCES"] = {peer_line}, ["SEARCH INDEX"] = {found_line},
  ["CANCEL FILE"] = {text_line, 0}, ["Hello NULL"] = {text_line, 0}, ["Probe NULL"] = {probed_line, 1},
  ["GET RFC-Index"] = {handout_line},
}

-- Show the body as lines.
function View:lines(at, size_, show, most)
  local text, from, count = size_ > 0 and self.tvb:raw(at, size_) or "", 1, 0
  while from <= #text do
    local line, behind = line_at(text, from, at)
    if not line then
      line, behind = {text = text:sub(from), at = at + from - 1, size = #text - from + 1}, #text + 1
      self:wrong(self.tree, "the last line of the body does not end")
    end
    count = count + 1
    if count > MAX_ITEMS then
      return self.tree:add(fields.rest, self.tvb(line.at, at + size_ - line.at)):add_proto_expert_info(
        experts.unread, "the body has more than " .. MAX_ITEMS .. " lines")
    end
    show(self, self.tree, line)
    from = behind
  end
  if most and count ~= most then self:wrong(self.tree, "the body has " .. count .. " lines, not " .. most) end
end

-- Responses -----------------------------------------------------------------------------------------------------------

local PHRASES = {["100"] = "FILE_NOT_FOUND", ["200"] = "OK", ["300"] = "BAD_REQUEST", ["403"] = "FORBIDDEN"}

-- Return the status, the phrase, the version, and whether it is the handout's form, of the first line of a response.
local function status_line(text)
  local status, phrase, minor = text:match("^(%d%d%d) (.*)P2P[-_][CD]I[/_-]1%.([01])$")
  if status and (phrase == "" or phrase:sub(-1) == " ") then return status, phrase:sub(1, -2), "1." .. minor, false end
  status, phrase = text:match("^P2P[-_]DI[/_-]1%.0 (%d%d%d) ?(.*)$")
  if status then return status, phrase, "1.0", true end
end

local function response_check()
  local version
  return function(index, text)
    local _, not_text = characters(text)
    if not_text and (version ~= "1.0" or not_text == "is not UTF-8") then return "a line " .. not_text end
    if index == 1 then
      local _, _, found = status_line(text)
      version = found
      return not found and "the first line must be STATUS PHRASE VERSION" or nil
    end
    local name = text:match("^(%a[%w-]*):? ")
    if version == "1.1" and (not name or #name > 64) then return "a header of a response must be NAME: VALUE" end
  end
end

-- Return what makes the headers of a response unreadable, so that a client gives the connection up.
local function response_headers_wrong(version, headers)
  local length = value_text(headers, "Length")
  local first, last = (value_text(headers, "Range") or ""):match("^(%d+)%-(%d+)$")
  if twice(headers) then return "a second " .. twice(headers) end
  if version == "1.0" then return nil end
  for _, header in ipairs(headers) do
    local known = RESPONSE_HEADERS[header.name]
    if known and known[2](header.value.text) then return header.name .. " " .. known[2](header.value.text) end
  end
  if not length then return "a response of 1.1 needs the header Length" end
  if first and tonumber(last) - tonumber(first) + 1 ~= tonumber(length) then return "Length and Range differ" end
end

-- Return how many of the `there` bytes of a body at `at` can be shown: of lines only whole ones, nil if there is none.
local function showable(response, tvb, at, there)
  local request = response.request
  local lines = response.status ~= "200" or request and request.method and BODIES[request.method.what]
  if not lines or there == 0 then return there end
  local behind = tvb:raw(at, there):match("^.*\n()")
  return behind and behind - 1 or there > MAX_BODY_LINE and there or nil
end

-- Read the response at `at`, which answers `request`. Return it; nil and how many bytes are missing. Its head is shown
-- at once: a body may never be whole. `left` is what follows of the body, without Length to the end of the connection.
local function read_response(tvb, at, request)
  local lines, behind, wrong = read_head(tvb, at, response_check())
  if not lines then return nil, ONE_MORE_SEGMENT end
  local response = {kind = "response", request = request, lines = lines, left = 0}
  response.headers, response.others = read_headers(lines, ":?")
  response.status, response.phrase, response.version, response.handout = status_line(lines[1] and lines[1].text or "")
  response.wrong = wrong or response_headers_wrong(response.version, response.headers)
  if response.wrong then
    response.size = tvb:len() - at
    return response
  end
  local length = response.version == "1.1" and value_text(response.headers, "Length")
    or response.handout and value_text(response.headers, "Content-Length")
  local there = tvb:len() - behind
  if length and not size(length) then
    response.length, response.length_text = tonumber(length), length
    there = there >= response.length and response.length or 0
    response.left = response.length - there
  else
    response.left, there = math.huge, showable(response, tvb, behind, there) or 0
  end
  response.body_at, response.body_size, response.size = behind, there, behind + there - at
  return response
end

local function response_label(response)
  if response.wrong then return "bad response" end
  local words = {response.status .. " " .. shown(response.phrase)}
  local request = response.request
  if request and request.label then words[#words + 1] = "(" .. request.label .. ")" end
  if response.length then words[#words + 1] = response.length_text .. " bytes" end
  return table.concat(words, " ")
end

-- Compare a response with its request.
function View:agreement(item, response)
  local request = response.request
  if response.version == "1.1" and request.version == "1.0" then
    return self:wrong(item, "a request of 1.0 must be answered in 1.0")
  end
  if not request.method or request.method.what ~= "GET FILE" or response.status ~= "200" then return end
  for _, name in ipairs({"Range", "SHA-256"}) do
    local wanted = response.version == "1.1" and value_text(request.headers, name)
    if wanted and wanted ~= value_text(response.headers, name) then
      self:wrong(item, name .. " is not the one that was asked for")
    end
  end
end

function View:first_response_line(response)
  local range = self:range(response.lines[1])
  local first = self.tree:add(fields.line, range, shown(response.lines[1].text))
  first:add(fields.status, range, int64(response.status))
  first:add(fields.phrase, range, shown(response.phrase))
  first:add(fields.version, range, response.version)
  if response.handout then first:add(fields.handout, true):set_generated() return end
  if not PHRASES[response.status] then
    self:wrong(first, "the status must be 100, 200, 300 or 403")
  elseif PHRASES[response.status] ~= response.phrase then
    self:wrong(first, "the phrase of " .. response.status .. " is " .. PHRASES[response.status])
  end
end

-- Show the bytes of the body of `response` that are in `message`, which is the response itself or goes on with it.
function View:body(response, message)
  local at, size_ = message.body_at, message.body_size
  local request, granted = response.request, response.status == "200"
  local body = granted and request and request.method and BODIES[request.method.what]
    or not granted and {text_line, not response.handout and 1} or nil
  local whole = size_ == response.length
  if body and (whole or size_ > 0 and not response.length) then
    self:lines(at, size_, body[1], whole and body[2])
  elseif size_ > 0 then
    self.tree:add(fields.body, self.tvb(at, size_))
  end
end

function View:more(message)
  self:generated("continues", message.response.frame)
  self:body(message.response, message)
end

function View:response(response)
  local tree, request = self.tree, response.request
  self:generated("response", true)
  if response.wrong then self:wrong(tree, response.wrong) end
  if not response.status then return end
  self:first_response_line(response)
  local known = response.version == "1.1" and RESPONSE_HEADERS or response.handout and HANDOUT_HEADERS or {}
  self:headers(tree, response, known)
  for _, line in ipairs(response.others) do tree:add(fields.other, self:range(line), shown(line.text)) end
  if response.status ~= "200" then tree:add_proto_expert_info(experts.refused, "Refused with " .. response.status) end
  if request then
    self:agreement(tree, response)
  else
    tree:add_proto_expert_info(experts.unmatched, "The request of this response is not in the capture")
  end
  if response.wrong then return end
  self:body(response, response)
  if response.left > 0 and response.length then self:generated("left", int64(response.length_text)) end
end

-- Streams: what of each connection is known at each message -----------------------------------------------------------

local streams, messages -- by the two ends; lists by frame and place in it

function p2pdi.init() streams, messages = {}, {} end

-- The fields of TCP are not there in the first pass, so the two addresses have to do. A port that is used again is
-- noticed after a request of 1.0, of which there is one in each connection.
local function stream_of(pinfo)
  local from, to = tostring(pinfo.src) .. " " .. pinfo.src_port, tostring(pinfo.dst) .. " " .. pinfo.dst_port
  local key = from < to and from .. " " .. to or to .. " " .. from
  if not streams[key] then streams[key] = {requests = {}, answered = 0, bodies = {}, over = {}} end
  return streams[key], from
end

local function note(message, text)
  message.notes = message.notes or {}
  table.insert(message.notes, text)
end

-- Put a request into its stream.
local function add_request(stream, from, request)
  local last = stream.requests[#stream.requests]
  if last and last.follow then note(request, "nothing may be asked on a connection on which an index is followed") end
  stream.requests[#stream.requests + 1] = request
  if #stream.requests - stream.answered > MAX_OUTSTANDING then
    note(request, "more than 64 requests are outstanding")
  end
  stream.client = from
  request.label = request_label(request)
  request.follow = request.method and request.method.known.Follow and value_text(request.headers, "Follow") == "yes"
  if request.wrong then stream.over[from] = "after a request that cannot be read" end
  stream.last = request.version == "1.0" and not request.wrong -- what else comes is passed over
  if stream.last then stream.over[from] = "after a request of 1.0, which is the last" end
end

-- Put a response into its stream.
local function add_response(stream, from, response, frame)
  local request = response.request
  if request and not (request.follow and response.status == "200") then stream.answered = stream.answered + 1 end
  if request then request.response_in = request.response_in or frame end
  if response.left > 0 then stream.bodies[from] = {response = response, left = response.left} end
  if response.wrong then stream.over[from] = "after a response that cannot be read" end
  response.label = response_label(response)
end

-- Return the bytes at `at` that go on with a body: all of it, or as much as there is if it has no length or is long.
-- Return nil and how many are missing if it is not there, or no line of it.
local function read_more(stream, from, tvb, at, cut_off)
  local body, there = stream.bodies[from], tvb:len() - at
  local lines = body.left == math.huge and showable(body.response, tvb, at, there)
  if body.left == math.huge and not lines and not cut_off then return nil, ONE_MORE_SEGMENT end
  if body.left <= MAX_BODY and there < body.left and not cut_off then return nil, body.left - there end
  local size_ = lines or math.min(there, body.left)
  body.left = body.left - size_
  if body.left == 0 then stream.bodies[from] = nil end
  return {kind = "more", response = body.response, body_at = at, body_size = size_, size = size_,
    label = "body of " .. body.response.label}
end

local function read_rest(stream, from, tvb, at)
  return {kind = "rest", size = tvb:len() - at, why = stream.over[from], label = "bytes " .. stream.over[from]}
end

-- Forget a connection that was over when a port is used again.
local function renew(stream)
  stream.requests, stream.answered, stream.bodies, stream.over, stream.client, stream.last = {}, 0, {}, {}, nil, nil
end

-- Return the message at `at`; nil and how many bytes are missing.
local function read_message(stream, from, tvb, at, pinfo)
  local cut_off = pinfo.can_desegment == 0
  if stream.bodies[from] then return read_more(stream, from, tvb, at, cut_off) end
  local first = line_at(tvb:raw(at, math.min(tvb:len() - at, MAX_LINE + 2)), 1, at)
  local is_status = first and status_line(first.text)
  local is_request = first and request_line(first.text)
  if is_request and stream.last and stream.answered == #stream.requests then renew(stream) end
  if stream.over[from] and not is_status and (not is_request or stream.last) then
    return read_rest(stream, from, tvb, at)
  end
  local message, missing = nil, ONE_MORE_SEGMENT
  if is_status or not is_request and stream.client and from ~= stream.client then
    message, missing = read_response(tvb, at, stream.requests[stream.answered + 1])
  else
    message = read_request(tvb, at)
  end
  if not message then return nil, missing end
  message.frame, message.time, stream.over[from] = pinfo.number, pinfo.rel_ts, nil
  if message.kind == "response" then
    add_response(stream, from, message, pinfo.number)
  else
    add_request(stream, from, message)
  end
  return message
end

-- Show the frames that belong together, and the time between them.
function View:links(message)
  if message.kind == "request" and message.response_in then self:generated("response_in", message.response_in) end
  local request = message.request
  if not request then return end
  self:generated("request_in", request.frame)
  local seconds = math.max(message.time - request.time, 0)
  self:generated("time", NSTime(math.floor(seconds), math.floor(seconds % 1 * 1e9 + 0.5) % 1e9))
end

local function show(message, tvb, at, pinfo, tree)
  local subtree = tree:add(p2pdi, tvb(at, message.size), NAME .. ", " .. message.label)
  local view = setmetatable({tvb = tvb, tree = subtree}, View)
  if message.kind == "rest" then
    local item = subtree:add(fields.rest, tvb(at, message.size))
    item:add_proto_expert_info(experts.unread, message.why)
  else
    view[message.kind](view, message)
    view:links(message)
  end
  local again = tostring(pinfo.cols.protocol) == NAME
  pinfo.cols.protocol = NAME
  if again then pinfo.cols.info:append(" | " .. message.label) else pinfo.cols.info:set(message.label) end
end

-- TLS on the same port is for the dissector of TLS, which calls this one with what it has decrypted.
local function is_tls(tvb) return tvb:raw(0, math.min(tvb:len(), 2)):find("^[\20-\23]\3?$") ~= nil end

-- What was read at a place in a frame. Several messages that end in one frame may each begin a buffer of their own.
local function recall(frame, tvb, at)
  for _, message in ipairs(messages[frame .. " " .. tvb:offset() + at] or {}) do
    if message.missing then return message end
    if tvb:len() - at >= message.size and tvb:raw(at, #message.start) == message.start then return message end
  end
end

local function remember(frame, tvb, at, message)
  local key = frame .. " " .. tvb:offset() + at
  message.start = message.size and tvb:raw(at, math.min(message.size, 64))
  messages[key] = messages[key] or {}
  table.insert(messages[key], message)
  return message
end

function p2pdi.dissector(tvb, pinfo, tree)
  local stream, from = stream_of(pinfo)
  local at = 0
  if tvb:len() == 0 or not stream.client and is_tls(tvb) then return 0 end
  while at < tvb:len() do
    local message = recall(pinfo.number, tvb, at)
    if not message then
      local missing
      message, missing = read_message(stream, from, tvb, at, pinfo)
      message = remember(pinfo.number, tvb, at, message or {missing = missing})
    end
    if message.missing then
      pinfo.desegment_offset, pinfo.desegment_len = at, message.missing
      break
    end
    show(message, tvb, at, pinfo, tree)
    at = at + message.size
  end
  return tvb:len()
end

-- Return true if `text` begins with the first line of a request, nil if it may do so when more has come.
local function opens(text)
  local line = line_at(text, 1, 0)
  if line then return request_line(line.text) ~= nil end
  if #text > 64 then return false end
  if text:find("^GET RFC %d* ?[P2_DI/.1-]*$") then return nil end
  for _, methods in ipairs({METHODS, HANDOUT}) do
    for what in pairs(methods) do
      local start = what .. " P2P"
      local both = math.min(#start, #text)
      if start:sub(1, both):upper() == text:sub(1, both):upper() then return nil end
    end
  end
  return false
end

local function heuristic(tvb, pinfo, tree)
  if tvb:len() == 0 then return false end
  local opened = opens(tvb:raw(0, math.min(tvb:len(), MAX_LINE)))
  if opened == false or opened == nil and pinfo.can_desegment == 0 then return false end
  if opened then
    pinfo.conversation = p2pdi
    p2pdi.dissector(tvb, pinfo, tree)
  else
    pinfo.desegment_offset, pinfo.desegment_len = 0, ONE_MORE_SEGMENT
  end
  return true
end

-- In TLS the conversation stays that of TLS, so each record comes here.
local function tls_heuristic(tvb, pinfo, tree)
  if tvb:len() == 0 or not stream_of(pinfo).client and not opens(tvb:raw(0, math.min(tvb:len(), MAX_LINE))) then
    return false
  end
  p2pdi.dissector(tvb, pinfo, tree)
  return true
end

DissectorTable.get("tcp.port"):add(RS_PORT, p2pdi)
DissectorTable.get("tls.port"):add(RS_PORT, p2pdi)
p2pdi:register_heuristic("tcp", heuristic)
p2pdi:register_heuristic("tls", tls_heuristic)
