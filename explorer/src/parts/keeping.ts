/** What the browser keeps from one visit to the next, where it does: in private windows it may not. */

export function recall(name: string): string | null {
	try {
		return localStorage.getItem(name);
	} catch {
		return null;
	}
}

/** Whether it was kept. */
export function keep(name: string, text: string): boolean {
	try {
		localStorage.setItem(name, text);
		return true;
	} catch {
		return false;
	}
}

/** The page's address with all that is picked now. */
export const linkTo = (address: string): string => `${location.href.replace(/#.*$/, "")}#${address}`;

/** Whether a text is in the clipboard now. */
export async function copy(text: string): Promise<boolean> {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		return false;
	}
}
