/** Explorer and report on one page: which of the two is seen, by the links above them and by the address. */

import { address, isOfReport } from "./state";

export function showTabs(): void {
	show();
	const [explore, report] = ["#explorer", "#report"].map((href) =>
		document.querySelector<HTMLAnchorElement>(`#tabs a[href="${href}"]`),
	);
	explore?.addEventListener("click", (event) => {
		event.preventDefault();
		history.pushState(null, "", `#${address()}`);
		show();
	});
	report?.addEventListener("click", () => setTimeout(show));
	window.addEventListener("hashchange", show);
}

function show(): void {
	const isReport = isOfReport(location.hash);
	document.body.classList.toggle("is-exploring", !isReport);
	for (const link of document.querySelectorAll<HTMLAnchorElement>("#tabs a")) {
		if ((link.hash === "#report") === isReport) link.setAttribute("aria-current", "page");
		else link.removeAttribute("aria-current");
	}
}
