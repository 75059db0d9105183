// Package timeline shows replays over time: who sent what, how far each source had got, and
// when doors were open. A [Collector] is a reporter that collects what there is to draw;
// [WriteHTML] writes it as one file that a browser opens without anything else. The drawing
// itself, drawing.js, is the same in the report and in the playground.
package timeline
