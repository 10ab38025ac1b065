/** Data that arrive later, inside of views. */

import { useEffect, useState } from "preact/hooks";

export interface Answer<T> {
	value: T | null;
	/** For people; empty while all is well. */
	fault: string;
	isWaiting: boolean;
}

/**
 * Ask again whenever `keys` change; the answer before stays until the new one is there, so that nothing flickers.
 * Of several questions only the last one counts.
 */
export function useAnswer<T>(ask: () => Promise<T> | null, keys: unknown[]): Answer<T> {
	const [answer, setAnswer] = useState<Answer<T>>({ value: null, fault: "", isWaiting: true });
	useEffect(() => {
		let isCurrent = true;
		const asked = ask();
		if (asked === null) {
			setAnswer({ value: null, fault: "", isWaiting: false });
			return;
		}
		setAnswer((before) => ({ ...before, isWaiting: true }));
		asked.then(
			(value) => isCurrent && setAnswer({ value, fault: "", isWaiting: false }),
			(error: Error) => isCurrent && setAnswer({ value: null, fault: error.message, isWaiting: false }),
		);
		return () => {
			isCurrent = false;
		};
	}, keys);
	return answer;
}
