/** The size of elements and the reader's colours, as they change. */

import { signal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

export interface Size {
	width: number;
	height: number;
	/** Pixels of the device for one of the style sheet. */
	density: number;
}

export function useSize(element: RefObject<HTMLElement>): Size {
	const [size, setSize] = useState<Size>({ width: 0, height: 0, density: 1 });
	useLayoutEffect(() => {
		const watched = element.current;
		if (!watched) return;
		const measure = () => {
			const [width, height] = [watched.clientWidth, watched.clientHeight];
			const density = window.devicePixelRatio || 1;
			setSize((was) =>
				was.width === width && was.height === height && was.density === density ? was : { width, height, density },
			);
		};
		const observer = new ResizeObserver(measure);
		observer.observe(watched);
		measure();
		return () => observer.disconnect();
	}, []);
	return size;
}

const query = typeof matchMedia === "undefined" ? null : matchMedia("(prefers-color-scheme: dark)");
export const isDark = signal(query?.matches ?? false);
query?.addEventListener("change", (event) => {
	isDark.value = event.matches;
});

/** A canvas of the size of its place, its pen in pixels of the style sheet, wiped. */
export function penOf(canvas: HTMLCanvasElement, { width, height, density }: Size): CanvasRenderingContext2D | null {
	const [across, down] = [Math.round(width * density), Math.round(height * density)];
	if (canvas.width !== across) canvas.width = across;
	if (canvas.height !== down) canvas.height = down;
	const pen = canvas.getContext("2d");
	pen?.setTransform(1, 0, 0, 1, 0, 0);
	pen?.clearRect(0, 0, across, down);
	pen?.setTransform(density, 0, 0, density, 0, 0);
	return pen;
}

/** The value of a CSS variable where an element stands: "--mark". */
export const inkOf = (element: Element, name: string): string =>
	getComputedStyle(element).getPropertyValue(name).trim() || "#888888";
