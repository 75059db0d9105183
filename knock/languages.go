package knock

import (
	"fmt"
	"strings"
	"time"

	"example.org/knockc/lang"
)

// Python is the sequence as lines for any shell. They run Python 3.7 or later, and need
// only its standard library, and the program ping if a step is a ping.
func (s Sequence) Python(host string, delay time.Duration) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("python3 -c '")
	line("import %s", strings.Join(s.pythonModules(), ", "))
	line("def send(kind, port, data=b\"\"):")
	line("    family, _, _, _, address = socket.getaddrinfo(\"%s\", port, type=kind)[0]", host)
	line("    s = socket.socket(family, kind)")
	line("    s.setblocking(False)")
	line("    s.connect_ex(address)")
	line("    if data: s.send(data)")
	line("    s.close()")
	if s.has(lang.TCP) {
		line("def tcp(port): send(socket.SOCK_STREAM, port)")
	}
	if s.has(lang.UDP) {
		line("def udp(port): send(socket.SOCK_DGRAM, port, b\"\\n\")")
	}
	if s.has(lang.Ping) {
		line("def ping(length): subprocess.Popen([\"ping\", \"-n\", \"-c\", \"1\", \"-s\", str(length), \"%s\"], stdout=subprocess.DEVNULL)", host)
	}
	if s.Secret != nil {
		line("def otp(port):")
		line("    period = int(time.time()) // %d", s.Secret.seconds())
		line("    message = b\"%s\\0\" + period.to_bytes(8, \"big\")", s.Secret.Knock)
		line("    send(socket.SOCK_DGRAM, port, hmac.digest(bytes.fromhex(\"%s\"), message, \"sha256\"))", s.Secret.Key.Text())
	}
	for i, step := range s.Steps {
		if i > 0 {
			line("time.sleep(%s)", lang.FormatSeconds(delay))
		}
		line("%s(%d)", word(step), argument(step))
	}
	return strings.TrimSuffix(b.String(), "\n") + "'"
}

func (s Sequence) pythonModules() []string {
	modules := []string{"socket", "time"}
	if s.has(lang.Ping) {
		modules = append(modules, "subprocess")
	}
	if s.Secret != nil {
		modules = append(modules, "hmac")
	}
	return modules
}

// PowerShell is the sequence as lines for PowerShell, from version 5.1 on.
func (s Sequence) PowerShell(host string, delay time.Duration) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("$to = [Net.Dns]::GetHostAddresses('%s')[0]", host)
	line("function socket($kind, $proto) { New-Object Net.Sockets.Socket($to.AddressFamily, $kind, $proto) }")
	if s.has(lang.TCP) {
		line("function tcp($port) { $s = socket Stream Tcp; [void]$s.BeginConnect($to, $port, $null, $null); Start-Sleep -Milliseconds 50; $s.Close() }")
	}
	if s.Secret != nil || s.has(lang.UDP) {
		line("function send($port, [byte[]]$data) { $s = socket Dgram Udp; $s.Connect($to, $port); [void]$s.Send($data); $s.Close() }")
	}
	if s.has(lang.UDP) {
		line("function udp($port) { send $port 10 }")
	}
	if s.has(lang.Ping) {
		line("function ping($length) { [void](ping.exe -n 1 -w 50 -l $length '%s') }", host)
	}
	if s.Secret != nil {
		line("function otp($port) {")
		line("    $period = [BitConverter]::GetBytes([long][Math]::Floor([DateTimeOffset]::UtcNow.ToUnixTimeSeconds() / %d))", s.Secret.seconds())
		line("    [Array]::Reverse($period)")
		line("    $hmac = New-Object Security.Cryptography.HMACSHA256")
		line("    $hmac.Key = [byte[]]('%s' -split '(..)' -ne '' | ForEach-Object { [Convert]::ToByte($_, 16) })", s.Secret.Key.Text())
		line("    send $port ($hmac.ComputeHash([byte[]]([Text.Encoding]::ASCII.GetBytes('%s') + [byte]0 + $period)))", s.Secret.Knock)
		line("}")
	}
	for i, step := range s.Steps {
		if i > 0 {
			line("Start-Sleep -Milliseconds %d", delay.Milliseconds())
		}
		line("%s %d", word(step), argument(step))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// word is the function that does a step, and argument what it takes: a port, or the
// length of a ping.
func word(s lang.Step) string {
	if s.Code {
		return "otp"
	}
	return s.Proto.String()
}

func argument(s lang.Step) int {
	if s.Proto == lang.Ping {
		return pingLength(s)
	}
	return int(s.Port)
}
