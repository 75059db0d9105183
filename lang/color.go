package lang

// Color is a colour of a terminal (ECMA-48, SGR).
type Color string

const (
	Red    Color = "31"
	Green  Color = "32"
	Yellow Color = "33"
	Cyan   Color = "36"

	BoldRed Color = "1;31"

	bold, boldYellow, boldCyan Color = "1", "1;33", "1;36"
)

// Paint gives a text the colour, if colours are on.
func (c Color) Paint(on bool, text string) string {
	if !on {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}
