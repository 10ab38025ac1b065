/** Downloads: what a view shows, as CSV, PNG or SVG. */

import { canvasOfSheet, type Pen, type Sheet, svgOfSheet } from "./svg_pen";

export interface Download {
	/** "CSV", "PNG", "SVG". */
	format: string;
	run: () => void;
}

export function save(name: string, type: string, content: BlobPart): void {
	const link = document.createElement("a");
	link.href = URL.createObjectURL(new Blob([content], { type }));
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Pixels of a saved picture for one of the page, so that it can be printed. */
export const PNG_DENSITY = 2;

/** Rows as CSV (RFC 4180). Text that a spreadsheet would run as a formula gets an apostrophe before it. */
export function csvOf(rows: (string | number | null)[][]): string {
	return `${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

function cell(value: string | number | null): string {
	if (value === null) return "";
	if (typeof value === "number") return Number.isNaN(value) ? "" : String(value);
	const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
	return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function saveCsv(name: string, rows: (string | number | null)[][]): void {
	save(`${name}.csv`, "text/csv", csvOf(rows));
}

export function savePng(name: string, canvas: HTMLCanvasElement): void {
	canvas.toBlob((blob) => blob && save(`${name}.png`, "image/png", blob), "image/png");
}

/** An SVG element with the styles that it has on the page written into it. */
function styled(drawn: SVGSVGElement): SVGSVGElement {
	const copy = drawn.cloneNode(true) as SVGSVGElement;
	copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
	const shown = [drawn, ...drawn.querySelectorAll<SVGElement>("*")];
	const copied = [copy, ...copy.querySelectorAll<SVGElement>("*")];
	const properties = ["fill", "stroke", "stroke-width", "opacity", "font-family", "font-size", "text-anchor"];
	copied.forEach((each, i) => {
		const style = getComputedStyle(shown[i] as Element);
		for (const property of properties) each.style.setProperty(property, style.getPropertyValue(property));
	});
	return copy;
}

const saveElement = (name: string, element: SVGSVGElement): void =>
	save(`${name}.svg`, "image/svg+xml", new XMLSerializer().serializeToString(element));

/** A plot of the page as SVG, CSV and a picture on the page's ground. */
export function plotDownloads(name: string, drawn: { current: SVGSVGElement | null }, csv: () => void): Download[] {
	return [
		{ format: "CSV", run: csv },
		{ format: "PNG", run: () => drawn.current && savePlotAsPng(name, drawn.current) },
		{ format: "SVG", run: () => drawn.current && saveElement(name, styled(drawn.current)) },
	];
}

/** A drawing as a picture and as SVG. `density`: pixels of the picture for one of the page. */
export function sheetDownloads(name: string, sheet: () => Sheet | null, density = PNG_DENSITY): Download[] {
	const found = (run: (sheet: Sheet) => void) => () => {
		const made = sheet();
		if (made) run(made);
	};
	return [
		{ format: "PNG", run: found((made) => savePng(name, canvasOfSheet(made, density))) },
		{ format: "SVG", run: found((made) => saveElement(name, svgOfSheet(made))) },
	];
}

function savePlotAsPng(name: string, drawn: SVGSVGElement): void {
	const { width, height } = drawn.getBoundingClientRect();
	const copy = styled(drawn);
	copy.setAttribute("width", String(width));
	copy.setAttribute("height", String(height));
	const image = new Image();
	image.onload = () => {
		const ground = getComputedStyle(drawn).getPropertyValue("--panel");
		const draw = (pen: Pen) => {
			pen.fillStyle = ground;
			pen.fillRect(0, 0, width, height);
			pen.drawImage(image, 0, 0, width, height);
		};
		savePng(name, canvasOfSheet({ width, height, draw }, PNG_DENSITY));
	};
	image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
}
