/** What is on the screen: views load and draw only that. */

import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Whether an element has come into view; once it has, it stays so. */
export function useSeen(place: RefObject<HTMLElement>): boolean {
	const [isSeen, setSeen] = useState(false);
	useEffect(() => {
		const element = place.current;
		if (!element || isSeen) return;
		const observer = new IntersectionObserver((found) => found.some((each) => each.isIntersecting) && setSeen(true), {
			rootMargin: "150px",
		});
		observer.observe(element);
		return () => observer.disconnect();
	}, [isSeen]);
	return isSeen;
}

/** Width and height of an element, in CSS pixels; 0 until it is laid out. */
export function useSize(place: RefObject<HTMLElement>): { width: number; height: number } {
	const [size, setSize] = useState({ width: 0, height: 0 });
	useEffect(() => {
		const element = place.current;
		if (!element) return;
		const measure = () =>
			setSize((before) =>
				before.width === element.clientWidth && before.height === element.clientHeight
					? before
					: { width: element.clientWidth, height: element.clientHeight },
			);
		const observer = new ResizeObserver(measure);
		observer.observe(element);
		measure();
		return () => observer.disconnect();
	}, []);
	return size;
}
