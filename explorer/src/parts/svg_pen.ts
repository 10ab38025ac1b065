/**
 * What is drawn with a pen, as SVG: the same code draws a picture on the page and into a file whose lines and letters
 * stay lines and letters. Colours are texts; gradients have to be drawn as what they are made of.
 */

/** What drawings use of a canvas. */
export type Pen = Pick<
	CanvasRenderingContext2D,
	| "fillStyle"
	| "strokeStyle"
	| "lineWidth"
	| "globalAlpha"
	| "font"
	| "textAlign"
	| "textBaseline"
	| "lineJoin"
	| "lineCap"
	| "save"
	| "restore"
	| "beginPath"
	| "moveTo"
	| "lineTo"
	| "rect"
	| "arc"
	| "closePath"
	| "stroke"
	| "fill"
	| "setLineDash"
	| "fillRect"
	| "fillText"
	| "measureText"
	| "drawImage"
>;

const NAMESPACE = "http://www.w3.org/2000/svg";
const KEPT = ["fillStyle", "strokeStyle", "lineWidth", "globalAlpha", "font", "textAlign", "textBaseline"] as const;
const ANCHORS: Record<string, string> = { center: "middle", right: "end", end: "end" };
/** How far below a text's place its letters stand, of their size; viewers do not agree on SVG's own word for it. */
const DOWN: Record<string, number> = { middle: 0.35, top: 0.8, bottom: -0.2 };

const short = (value: number): string => String(Number(value.toFixed(2)));

export class SvgPen implements Pen {
	fillStyle: CanvasRenderingContext2D["fillStyle"] = "#000000";
	strokeStyle: CanvasRenderingContext2D["strokeStyle"] = "#000000";
	lineWidth = 1;
	globalAlpha = 1;
	font = "10px sans-serif";
	textAlign: CanvasTextAlign = "start";
	textBaseline: CanvasTextBaseline = "alphabetic";
	lineJoin: CanvasLineJoin = "miter";
	lineCap: CanvasLineCap = "butt";
	readonly drawing: SVGSVGElement;
	private path = "";
	private dash: number[] = [];
	private saved: Pick<SvgPen, (typeof KEPT)[number]>[] = [];
	private measuring = document.createElement("canvas").getContext("2d");

	constructor(width: number, height: number) {
		this.drawing = document.createElementNS(NAMESPACE, "svg");
		this.drawing.setAttribute("width", short(width));
		this.drawing.setAttribute("height", short(height));
		this.drawing.setAttribute("viewBox", `0 0 ${short(width)} ${short(height)}`);
	}

	save(): void {
		const { fillStyle, strokeStyle, lineWidth, globalAlpha, font, textAlign, textBaseline } = this;
		this.saved.push({ fillStyle, strokeStyle, lineWidth, globalAlpha, font, textAlign, textBaseline });
	}

	restore(): void {
		Object.assign(this, this.saved.pop());
	}

	beginPath(): void {
		this.path = "";
	}

	moveTo(x: number, y: number): void {
		this.path += `M${short(x)} ${short(y)}`;
	}

	lineTo(x: number, y: number): void {
		this.path += `${this.path ? "L" : "M"}${short(x)} ${short(y)}`;
	}

	rect(x: number, y: number, width: number, height: number): void {
		this.path += `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}Z`;
	}

	/** Only whole circles are drawn. */
	arc(x: number, y: number, radius: number): void {
		const r = short(radius);
		this.path += `M${short(x - radius)} ${short(y)}a${r} ${r} 0 1 0 ${short(2 * radius)} 0a${r} ${r} 0 1 0 ${short(-2 * radius)} 0Z`;
	}

	closePath(): void {
		this.path += "Z";
	}

	setLineDash(dash: number[]): void {
		this.dash = dash;
	}

	stroke(): void {
		const dash = this.dash.length ? { "stroke-dasharray": this.dash.join(" ") } : {};
		this.add("path", {
			d: this.path,
			fill: "none",
			stroke: String(this.strokeStyle),
			"stroke-width": short(this.lineWidth),
			"stroke-linejoin": this.lineJoin,
			...dash,
		});
	}

	fill(): void {
		this.add("path", { d: this.path, fill: String(this.fillStyle) });
	}

	fillRect(x: number, y: number, width: number, height: number): void {
		const [left, top] = [short(x), short(y)];
		this.add("rect", {
			x: left,
			y: top,
			width: short(width),
			height: short(height),
			fill: String(this.fillStyle),
		});
	}

	/** A text wider than `most` is made as narrow as that. */
	fillText(text: string, x: number, y: number, most?: number): void {
		const [, weight = "", size = "10", family = "sans-serif"] = /^(\d+ )?([\d.]+)px (.*)$/.exec(this.font) ?? [];
		const isWide = most !== undefined && this.measureText(text).width > most;
		const element = this.add("text", {
			x: short(x),
			y: short(y + Number(size) * (DOWN[this.textBaseline] ?? 0)),
			fill: String(this.fillStyle),
			"font-family": family,
			"font-size": `${size}px`,
			...(weight && { "font-weight": weight.trim() }),
			...(ANCHORS[this.textAlign] && { "text-anchor": ANCHORS[this.textAlign] }),
			...(isWide && { textLength: short(most), lengthAdjust: "spacingAndGlyphs" }),
		});
		element.textContent = text;
	}

	measureText(text: string): TextMetrics {
		if (this.measuring) this.measuring.font = this.font;
		return this.measuring?.measureText(text) ?? ({ width: text.length * 6 } as TextMetrics);
	}

	/** A canvas, at x, y, with width and height. */
	drawImage(image: CanvasImageSource, ...[x = 0, y = 0, width = 0, height = 0]: number[]): void {
		if (!(image instanceof HTMLCanvasElement) || !image.width || !image.height) return;
		const place = { x: short(x), y: short(y), width: short(width), height: short(height) };
		this.add("image", { ...place, preserveAspectRatio: "none", href: image.toDataURL("image/png") });
	}

	private add(name: string, attributes: Record<string, string | undefined>): SVGElement {
		const element = document.createElementNS(NAMESPACE, name);
		for (const [key, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(key, value);
		if (this.globalAlpha < 1) element.setAttribute("opacity", short(this.globalAlpha));
		this.drawing.append(element);
		return element;
	}
}

/** Draw into a canvas, in pixels of the style sheet, and into an SVG. */
export interface Sheet {
	width: number;
	height: number;
	draw: (pen: Pen) => void;
}

export function canvasOfSheet({ width, height, draw }: Sheet, density: number): HTMLCanvasElement {
	const canvas = document.createElement("canvas");
	canvas.width = Math.round(width * density);
	canvas.height = Math.round(height * density);
	const pen = canvas.getContext("2d");
	pen?.scale(density, density);
	if (pen) draw(pen);
	return canvas;
}

export function svgOfSheet({ width, height, draw }: Sheet): SVGSVGElement {
	const pen = new SvgPen(width, height);
	draw(pen);
	return pen.drawing;
}
