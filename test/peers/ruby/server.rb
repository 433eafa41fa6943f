# Guards an API with ruby-jwt by the keys of a server. Arguments: issuer, audience, port.
require 'jwt'
require 'json'
require 'net/http'
require 'socket'

issuer, audience, port = ARGV
options = {
  algorithms: ['ES256'], iss: issuer, verify_iss: true, aud: audience, verify_aud: true, required_claims: %w[exp sub],
  jwks: lambda { |wanted|
    $keys = nil if wanted[:kid_not_found]
    $keys ||= JSON.parse(Net::HTTP.get(URI("#{issuer}/.well-known/jwks.json")), symbolize_names: true)
  }
}
server = TCPServer.new('127.0.0.1', port.to_i)
loop do
  client = server.accept
  client.gets
  token = nil
  while (line = client.gets&.chomp) && !line.empty?
    token = Regexp.last_match(1) if line =~ /\Aauthorization: bearer (.*)\z/i
  end
  status = begin
    claims, = JWT.decode(token, nil, true, options)
    claims['scope'].split.include?('orders:read') ? '200 OK' : '403 Forbidden'
  rescue JWT::DecodeError => e
    warn e.message
    '401 Unauthorized'
  end
  client.write("HTTP/1.1 #{status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
  client.close
end
