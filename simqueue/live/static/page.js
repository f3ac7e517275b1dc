// The page of `simqueue play`: it asks its own server, and shows the address's token to nobody.

import { mount } from "./app.js";

// From the address' #token=..., which no server ever sees; then it leaves the address bar.
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token") ?? "";
}

const token = takeToken();

async function ask(command) {
  const answer = await fetch("api/play", {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(command),
  });
  if (answer.status === 401) {
    throw new Error("open the whole address that simqueue play printed: its token is missing");
  }
  if (!answer.ok) throw new Error((await answer.json()).error ?? answer.statusText);
  return answer.json();
}

window.view = mount(document.getElementById("play"), ask, true);
