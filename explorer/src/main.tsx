/** Where the page's script begins. */

import { render } from "preact";
import "./explorer.css";
import { pickFirst } from "./beginning";
import { indexArrived, listen } from "./data/loading";
import { SCHEMA } from "./data/schema";
import { Explorer } from "./explorer";
import { follow, index, readAddress } from "./state";
import { showTabs } from "./tabs";

const WAIT_MS = 15_000;

function begin(): void {
	const place = document.getElementById("explorer");
	if (!place) return;
	const complain = (text: string) => render(<p class="fault">{text}</p>, place);
	const timer = setTimeout(
		() => complain("The data of this explorer did not arrive: explorer/data/index.js is missing or damaged."),
		WAIT_MS,
	);
	indexArrived.then((arrived) => {
		clearTimeout(timer);
		if (arrived.schema !== SCHEMA) {
			complain(`These data have schema ${arrived.schema}; this page reads schema ${SCHEMA}. Make the page again.`);
			return;
		}
		index.value = arrived;
		if (location.hash.includes("=")) readAddress(location.hash);
		else pickFirst();
		follow();
		showTabs();
		render(<Explorer />, place);
	});
}

listen();
begin();
