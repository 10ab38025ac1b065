/** What the embedding shows, as a file: its title, its points and marks, and what the colours mean. */

import { cssOf, type Rgb } from "../parts/colours";
import { inkOf } from "../parts/screen";
import { type Shaded, tableOf } from "../parts/shading";
import type { Pen, Sheet } from "../parts/svg_pen";
import { say } from "../parts/words";

const TITLE = 24;
const KEY = 32;
const BAR = 120;

/** The points are an image, in an SVG too: of a hundred thousand circles no program draws a page. */
export function sheetOfEmbedding(
	place: HTMLDivElement | null,
	title: string,
	shaded: Shaded,
	dark: boolean,
): Sheet | null {
	if (!place) return null;
	const layers = [...place.querySelectorAll<HTMLCanvasElement>("canvas:not(.thumbnail)")];
	const [width, height] = [place.clientWidth, place.clientHeight];
	const draw = (pen: Pen) => {
		pen.fillStyle = inkOf(place, "--paper");
		pen.fillRect(0, 0, width, height + TITLE + KEY);
		for (const layer of layers) {
			pen.globalAlpha = layer.classList.contains("dimmed") ? 0.25 : 1;
			pen.drawImage(layer, 0, TITLE, width, height);
		}
		pen.globalAlpha = 1;
		pen.fillStyle = inkOf(place, "--ink");
		pen.textBaseline = "middle";
		pen.font = "600 13px system-ui, sans-serif";
		pen.fillText(title, 8, 14);
		drawKey(pen, shaded, inkOf(place, "--ink"), height + TITLE + KEY / 2, dark);
	};
	return { width, height: height + TITLE + KEY, draw };
}

function drawKey(pen: Pen, { title, key }: Shaded, ink: string, y: number, dark: boolean): void {
	pen.font = "12px system-ui, sans-serif";
	let left = 8;
	const write = (text: string) => {
		pen.fillStyle = ink;
		pen.fillText(text, left, y);
		left += pen.measureText(text).width + 10;
	};
	write(title);
	if (key.kind === "numbers") {
		write(say(key.low));
		const shades = tableOf(key, dark);
		for (let i = 0; i < BAR; i++) {
			const at = 3 * Math.floor((254 * i) / BAR);
			pen.fillStyle = cssOf([...shades.subarray(at, at + 3)] as unknown as Rgb);
			pen.fillRect(left + i, y - 5, 1.5, 10);
		}
		left += BAR + 10;
		write(`${say(key.high)} ${key.units}`);
	}
	if (key.kind === "classes")
		for (const { colour, title: name } of key.classes) {
			pen.fillStyle = cssOf(colour);
			pen.fillRect(left, y - 5, 10, 10);
			left += 14;
			write(name);
		}
}
