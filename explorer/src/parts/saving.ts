/** Downloads: what a view shows, as CSV, PNG or SVG. */

export function save(name: string, type: string, content: BlobPart): void {
	const link = document.createElement("a");
	link.href = URL.createObjectURL(new Blob([content], { type }));
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

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
export function saveSvg(name: string, drawn: SVGSVGElement): void {
	const copy = drawn.cloneNode(true) as SVGSVGElement;
	copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
	const shown = [drawn, ...drawn.querySelectorAll<SVGElement>("*")];
	const copied = [copy, ...copy.querySelectorAll<SVGElement>("*")];
	const properties = ["fill", "stroke", "stroke-width", "opacity", "font-family", "font-size", "text-anchor"];
	copied.forEach((each, i) => {
		const style = getComputedStyle(shown[i] as Element);
		for (const property of properties) each.style.setProperty(property, style.getPropertyValue(property));
	});
	save(`${name}.svg`, "image/svg+xml", new XMLSerializer().serializeToString(copy));
}
