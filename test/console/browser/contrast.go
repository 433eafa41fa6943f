package browser

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
)

// text is what is known of a text whose contrast is measured.
type text struct {
	X, Y, Width, Height float64    // of its box, in the document
	Color               [4]float64 // red, green, blue from 0 to 255; alpha from 0 to 1
	Size                float64    // CSS pixels
	Weight              float64
}

// hideText makes the text of an element transparent and tells of it; showText undoes
// that. A halo that is drawn around a text of a picture is behind it.
const (
	hideText = `selector => {
		const element = document.querySelector(selector);
		const range = document.createRange();
		range.selectNodeContents(element);
		const own = range.getBoundingClientRect();
		const box = own.width > 0 ? own : element.getBoundingClientRect();
		const style = getComputedStyle(element);
		const canvas = new OffscreenCanvas(1, 1).getContext('2d');
		const drawn = element instanceof SVGElement;
		canvas.fillStyle = drawn ? style.fill : style.color;
		canvas.fillRect(0, 0, 1, 1);
		const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
		let opacity = 1;
		for (let e = element; e; e = e.parentElement) opacity *= getComputedStyle(e).opacity;
		globalThis.cambioStyles = [];
		for (const e of [element, ...element.querySelectorAll('*')]) {
			cambioStyles.push([e, e.hasAttribute('style') ? e.style.cssText : null]);
			e.style.setProperty('transition', 'none', 'important');
			e.style.setProperty('-webkit-text-fill-color', 'transparent', 'important');
			if (drawn) e.style.setProperty('fill', 'transparent', 'important');
			e.style.setProperty('text-shadow', 'none', 'important');
			e.style.setProperty('text-decoration-color', 'transparent', 'important');
		}
		return {x: box.x + scrollX, y: box.y + scrollY, width: box.width, height: box.height,
			color: [r, g, b, a / 255 * opacity], size: parseFloat(style.fontSize), weight: parseFloat(style.fontWeight)};
	}`
	showText = `() => {
		for (const [e, style] of cambioStyles) {
			e.getAttribute('style'); // which Chromium would otherwise write later, empty
			if (style === null) e.removeAttribute('style'); else e.style.cssText = style;
		}
	}`
)

// lowContrast returns the texts whose contrast is below WCAG 2.2, 1.4.3, on the
// pixels behind them.
func (p *Page) lowContrast(selectors []string) []string {
	p.tb.Helper()
	var low []string
	for _, selector := range selectors {
		var t text
		if err := p.run(&t, hideText, selector); err != nil {
			low = append(low, fmt.Sprintf("contrast of %s cannot be measured: %v", selector, err))
			continue
		}
		shot, err := p.captureArea(t.X, t.Y, math.Max(t.Width, 1), math.Max(t.Height, 1))
		p.ask(nil, showText)
		if err != nil {
			p.tb.Fatalf("measure the contrast of %s: %v", selector, err)
		}
		behind, err := png.Decode(bytes.NewReader(shot))
		if err != nil {
			p.tb.Fatalf("measure the contrast of %s: %v", selector, err)
		}
		if ratio := t.contrast(behind); ratio < t.least() {
			low = append(low, fmt.Sprintf("contrast of %s is %.2f:1, measured by pixels, and must be %.1f:1", selector, ratio, t.least()))
		}
	}
	return low
}

// least returns the contrast that the text must have: large text needs less.
func (t text) least() float64 {
	const large, largeBold, bold = 24, 18.66, 700
	if t.Size >= large || t.Size >= largeBold && t.Weight >= bold {
		return 3
	}
	return 4.5
}

// contrast returns the ratio of the text to what is behind it that all but the worst
// hundredth of the pixels exceed.
func (t text) contrast(behind image.Image) float64 {
	var ratios []float64
	bounds := behind.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			at := rgb(behind.At(x, y))
			var ink [3]float64
			for i := range ink {
				ink[i] = t.Color[i]*t.Color[3] + at[i]*(1-t.Color[3])
			}
			ratios = append(ratios, ratio(luminance(ink), luminance(at)))
		}
	}
	if len(ratios) == 0 {
		return 0
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/100]
}

// rgb returns the channels of an opaque color from 0 to 255.
func rgb(c color.Color) [3]float64 {
	r, g, b, _ := c.RGBA()
	return [3]float64{float64(r >> 8), float64(g >> 8), float64(b >> 8)}
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(c [3]float64) float64 {
	var linear [3]float64
	for i, channel := range c {
		if s := channel / 255; s <= 0.04045 {
			linear[i] = s / 12.92
		} else {
			linear[i] = math.Pow((s+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*linear[0] + 0.7152*linear[1] + 0.0722*linear[2]
}

// ratio is the contrast ratio of WCAG 2.2.
func ratio(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }
