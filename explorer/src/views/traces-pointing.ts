/** Pointer and wheel over the traces: click goes there, drag zooms, shift and drag selects, the wheel zooms and pans. */

import { show, zoomed } from "../parts/zooming";
import { chosen, goTo, isPlaying, recording, select, stretch } from "../state";
import type { TracePlot } from "./traces-plot";

/** A pointer that moves less clicks. */
const DRAG_PX = 4;

export function handlePointer(trace: TracePlot, tell: (row: number | null) => void): () => void {
	const over = trace.plot.over;
	const box = document.createElement("div");
	box.className = "traces-box";
	box.hidden = true;
	over.append(box);
	const ending = new AbortController();
	const listen = <Name extends keyof HTMLElementEventMap>(
		name: Name,
		hear: (event: HTMLElementEventMap[Name]) => void,
	): void => over.addEventListener(name, hear, { signal: ending.signal, passive: false });
	const leftOf = (event: MouseEvent) => event.clientX - over.getBoundingClientRect().left;
	let from: number | null = null;

	listen("pointerdown", (event) => {
		if (event.button !== 0) return;
		from = leftOf(event);
		over.setPointerCapture(event.pointerId);
	});
	listen("pointermove", (event) => {
		const at = leftOf(event);
		tell(trace.rowAt(at));
		box.hidden = from === null || Math.abs(at - from) < DRAG_PX;
		if (from === null || box.hidden) return;
		box.classList.toggle("selecting", selects(event));
		box.style.left = `${Math.min(from, at)}px`;
		box.style.width = `${Math.abs(at - from)}px`;
	});
	listen("pointerup", (event) => {
		if (from === null) return;
		const [first, last] = [trace.rowAt(Math.min(from, leftOf(event))), trace.rowAt(Math.max(from, leftOf(event)))];
		const isDrag = !box.hidden;
		box.hidden = true;
		from = null;
		if (!isDrag) {
			isPlaying.value = false;
			goTo(first);
		} else if (selects(event)) select(`rows:${first}-${last}`, event.ctrlKey || event.metaKey);
		else show(first, last + 1);
	});
	const forget = () => {
		from = null;
		box.hidden = true;
	};
	listen("pointercancel", forget);
	listen("pointerleave", () => tell(null));
	listen("dblclick", () => show(0, recording.value?.rows ?? 0));
	listen("wheel", (event) => {
		event.preventDefault();
		const now = stretch.value ?? [0, recording.value?.rows ?? 0];
		const length = now[1] - now[0];
		const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
		if (Math.abs(sideways) >= Math.abs(event.deltaY) || event.shiftKey) {
			const by = Math.round((sideways / over.clientWidth) * length) || Math.sign(sideways);
			show(now[0] + by, now[1] + by);
			return;
		}
		const wanted = zoomed(now, Math.exp(event.deltaY * 0.002), trace.rowAt(leftOf(event)));
		show(...wanted);
	});
	document.addEventListener("keydown", (event) => event.key === "Escape" && forget(), { signal: ending.signal });
	return () => {
		ending.abort();
		box.remove();
	};
}

const selects = (event: MouseEvent): boolean => event.shiftKey || chosen.value.drag === "select";
