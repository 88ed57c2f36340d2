// The panel: what the head does is drawn from its snapshots; what people want goes to the API.
// The same file is the audio worklet that takes the microphone's sound (its last part).

const API = "/api/v1";

if (globalThis.AudioWorkletProcessor) takeSound();
else begin();

function begin() {
  const $ = (id) => document.getElementById(id);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let about = null;   // the state that was asked for once: channels, expressions, voices
  let newest = null;  // the newest snapshot
  let toastTimer = 0;

  // ---- asking

  async function ask(method, path, body, type = "application/json") {
    const json = type === "application/json" && body !== undefined;
    const answer = await fetch(API + path, {
      method, body: json ? JSON.stringify(body) : body, headers: body === undefined ? {} : { "Content-Type": type },
    }).catch(() => { throw new Error("The head's computer does not answer."); });
    if (answer.status === 401) { location.href = "/pair"; throw new Error("Pair first."); }
    const found = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(sentence(found.error || "That did not work."));
    return found;
  }

  const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  function toast(text) {
    $("toast").textContent = text;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { $("toast").textContent = ""; }, 6000);
  }

  const trying = (work) => async (event) => {
    event?.preventDefault();
    try { await work(event); } catch (error) { toast(error.message); }
  };

  function address(path) {
    return (location.protocol === "https:" ? "wss://" : "ws://") + location.host + API + path;
  }

  // ---- what there is to see

  let events = null, waitMs = 500;

  async function connect() {
    try {
      about = await ask("GET", "/state");
      meet();
    } catch (error) { pill("bad", "no connection"); setTimeout(connect, waitMs); return; }
    events = new WebSocket(address("/events"));
    events.onopen = () => { waitMs = 500; };
    events.onmessage = (message) => {
      const told = JSON.parse(message.data);
      if (told.type === "snapshot") show(told);
      else if (told.type === "journal") note(told);
    };
    events.onclose = () => {
      pill("bad", "no connection");
      setTimeout(connect, waitMs);
      waitMs = Math.min(8000, waitMs * 2);
    };
  }

  function meet() {
    document.title = $("head-name").textContent = about.head;
    $("version").textContent = "Lipwright " + about.version;
    $("views").hidden = !about.has_picture;
    fill($("voice"), about.voices);
    $("voice").disabled = !about.voices.length;
    chips($("expressions"), about.expressions, (name) =>
      ask("POST", "/expression", { name, strength: Number($("strength").value) }));
    chips($("moods"), about.moods, (name) => ask("POST", "/mood", { name }));
    $("entries").replaceChildren();
    about.journal.forEach(note);
    face.meet(about.channels);
    $("channels").replaceChildren(...about.channels.map((channel) => {
      const row = element("div", {}, channel.name.replaceAll("_", " "));
      row.append(element("span", { class: "bar" }));
      row.lastChild.append(element("i", {}));
      return row;
    }));
    show(about.snapshot);
  }

  function fill(select, names) {
    if (select.options.length === names.length) return;
    select.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
  }

  function chips(place, names, wish) {
    if (place.children.length === names.length) return;
    place.replaceChildren(...names.map((name) => {
      const button = element("button", { type: "button", "aria-pressed": "false" }, name);
      button.onclick = trying(() => wish(name));
      return button;
    }));
  }

  function element(name, attributes, text) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function pill(kind, text) {
    $("pill").dataset.kind = kind;
    $("pill").textContent = text;
  }

  function show(seen) {
    newest = seen;
    if (seen.stopped) pill("bad", "stopped");
    else if (seen.calibrating) pill("wait", "calibrating");
    else if (!seen.connected) pill("bad", "no board");
    else if (seen.show) pill("good", "plays " + seen.show);
    else if (seen.speaking) pill("good", "speaks");
    else pill("good", "alive");
    $("resume").hidden = !seen.stopped;
    $("listening").hidden = !seen.live;
    $("watching").hidden = !seen.watching;
    set($("watching-words"), seen.watching);
    $("limp").hidden = !seen.limp;
    $("face").classList.toggle("limp", seen.limp);
    const who = seen.speaking && seen.connected ? seen.speaking + " speaks." : "";
    set($("state"), who || sentence(seen.cause || seen.state) + ".");
    const troubles = [...seen.troubles];
    if (seen.hot.length) troubles.push("Resting to cool down: " + seen.hot.join(", ") + ".");
    if ($("troubles").dataset.told !== troubles.join("|")) {
      $("troubles").dataset.told = troubles.join("|");
      $("troubles").replaceChildren(...troubles.map((one) => element("li", {}, sentence(one))));
      $("troubles").hidden = !troubles.length;
    }
    const level = Math.max(0, Math.min(1, (seen.level_db + 60) / 60));
    $("level-bar").firstChild.style.transform = `scaleX(${level})`;
    set($("level"), level ? Math.round(seen.level_db) + " dB" : "silent");
    set($("ahead"), seen.connected ? seen.ahead_ms + " ms" : "-");
    set($("ring"), seen.connected ? String(seen.ring_depth) : "-");
    set($("dropped"), seen.connected ? String(seen.frames_dropped) : "-");
    set($("supply"), seen.supply.replace("not measured", "-") || "-");
    for (const button of $("moods").children) button.setAttribute("aria-pressed", String(button.textContent === seen.mood));
    if (document.activeElement !== $("life")) $("life").checked = seen.life;
    if (!$("feel").hidden) [...$("channels").children].forEach((row, place) => {
      row.querySelector("i").style.left = 100 * seen.targets[place] + "%";
    });
    face.go(seen.targets);
  }

  function set(place, text) { if (place.textContent !== text) place.textContent = text; }

  function note(entry) {
    const item = element("li", {});
    const time = new Date(1000 * entry.at);
    item.append(element("time", { datetime: time.toISOString() }, time.toLocaleTimeString()), element("span", {}, entry.text));
    const known = [...$("entries").children].some((one) => Number(one.dataset.number) === entry.number);
    if (known) return;
    item.dataset.number = entry.number;
    $("entries").prepend(item);
    while ($("entries").children.length > 100) $("entries").lastChild.remove();
  }

  // ---- the face

  const face = drawing($("face"), calm);

  let pictured = false;
  function view(picture) {
    pictured = picture;
    $("face").style.display = picture ? "none" : "";
    $("picture").hidden = !picture;
    $("view-drawing").setAttribute("aria-pressed", String(!picture));
    $("view-picture").setAttribute("aria-pressed", String(picture));
    if (picture) look();
  }
  async function look() {
    while (pictured) {
      if (!document.hidden) {
        const answer = await fetch(API + "/picture").catch(() => null);
        if (answer?.ok) {
          const old = $("picture").src;
          $("picture").src = URL.createObjectURL(await answer.blob());
          if (old) URL.revokeObjectURL(old);
        } else if (answer) { toast(sentence((await answer.json()).error)); view(false); }
      }
      await new Promise((done) => setTimeout(done, calm.matches ? 1000 : 200));
    }
  }
  $("view-drawing").onclick = () => view(false);
  $("view-picture").onclick = () => { if (!pictured) view(true); };

  // ---- tabs

  const tabs = [...document.querySelectorAll("[role=tab]")];
  function open(tab) {
    for (const one of tabs) {
      const chosen = one === tab;
      one.setAttribute("aria-selected", String(chosen));
      one.tabIndex = chosen ? 0 : -1;
      $(one.getAttribute("aria-controls")).hidden = !chosen;
    }
    if (tab.id === "tab-shows") trying(listShows)();
  }
  tabs.forEach((tab, place) => {
    tab.onclick = () => open(tab);
    tab.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(place + step + tabs.length) % tabs.length];
      open(next);
      next.focus();
    };
  });

  // ---- stop

  const stop = trying(async () => {
    stopMicrophone();
    await ask("POST", "/stop");
  });
  $("stop").onclick = stop;
  $("resume").onclick = trying(() => ask("POST", "/resume"));
  addEventListener("keydown", (event) => { if (event.ctrlKey && event.key === ".") stop(event); });

  $("watching-stop").onclick = trying(() => ask("POST", "/watching/stop"));

  // ---- talk

  $("say").onsubmit = trying(() => ask("POST", "/say", { text: $("text").value, voice: $("voice").value }));
  $("interrupt").onclick = trying(() => ask("POST", "/interrupt"));

  async function upload(file) {
    $("upload").textContent = `${file.name} is being spoken ...`;
    try {
      const told = await ask("POST", "/speak?wait=1", file, "application/octet-stream");
      $("upload").textContent = `${file.name}: ${told.outcome}.`;
    } catch (error) { $("upload").textContent = error.message; }
  }
  $("file").onchange = () => { if ($("file").files[0]) upload($("file").files[0]); $("file").value = ""; };
  for (const kind of ["dragover", "dragleave", "drop"]) $("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files[0]) upload(event.dataTransfer.files[0]);
  });

  let microphone = null;
  const HINT = $("microphone-hint").textContent;
  if (!navigator.mediaDevices) {
    $("microphone").disabled = true;
    $("microphone-hint").textContent = "Browsers give the microphone only to pages of this machine (http://localhost) or over HTTPS.";
  }
  async function startMicrophone() {
    const live = !$("aloud").checked;
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, autoGainControl: true } })
      .catch(() => { throw new Error("The browser gives no microphone: allow it, or connect one."); });
    const context = new AudioContext();
    const socket = new WebSocket(address("/speak"));
    microphone = { stream, context, socket };
    socket.onmessage = (message) => {
      const told = JSON.parse(message.data);
      if (told.type === "error") toast(sentence(told.error));
      if (told.type !== "started") stopMicrophone();
    };
    socket.onclose = () => { if (microphone?.socket === socket) stopMicrophone(); };
    await new Promise((done) => { socket.onopen = done; });
    socket.send(JSON.stringify({ type: "start", format: "s16le", rate: context.sampleRate, channels: 1, live,
      name: "A browser's microphone" }));
    await context.audioWorklet.addModule("/panel.js");
    const node = new AudioWorkletNode(context, "take-sound", { numberOfOutputs: 0 });
    // What the network does not take in time is not spoken late, but left out.
    node.port.onmessage = (block) => { if (socket.readyState === 1 && socket.bufferedAmount < 64000) socket.send(block.data); };
    context.createMediaStreamSource(stream).connect(node);
    await context.resume();
    $("microphone").textContent = "Stop the microphone";
    $("microphone").setAttribute("aria-pressed", "true");
    $("microphone-hint").textContent = "The microphone is on.";
  }
  function stopMicrophone() {
    if (!microphone) return;
    const { stream, context, socket } = microphone;
    microphone = null;
    stream.getTracks().forEach((track) => track.stop());
    context.close();
    if (socket.readyState === 1) socket.send(JSON.stringify({ type: "end" }));
    setTimeout(() => socket.close(), 2000);
    $("microphone").textContent = "Start the microphone";
    $("microphone").setAttribute("aria-pressed", "false");
    $("microphone-hint").textContent = HINT;
  }
  $("microphone").onclick = trying(async () => {
    if (microphone) stopMicrophone();
    else try { await startMicrophone(); } catch (error) { stopMicrophone(); throw error; }
  });

  $("life").onchange = trying(() => ask("POST", "/life", { on: $("life").checked }));

  // ---- shows

  async function listShows(found) {
    const { shows } = found?.shows ? found : await ask("GET", "/shows");
    $("show-list").replaceChildren(...shows.map((show) => {
      const item = element("li", {});
      const starts = show.starts.length ? ", " + show.starts.join(", ") : "";
      item.append(element("span", {}, `${show.name} (${(show.size / 1000).toFixed(1)} kB${starts})`));
      const play = element("button", { type: "button", "aria-label": `Play ${show.name}` }, "Play");
      play.onclick = trying(() => ask("POST", `/shows/${show.name}/play`, {}));
      const remove = element("button", { type: "button", "aria-label": `Delete ${show.name}` }, "Delete");
      remove.onclick = trying(async () => {
        if (confirm(`Delete the show ${show.name} from the board?`)) listShows(await ask("DELETE", `/shows/${show.name}`));
      });
      item.append(play, remove);
      return item;
    }));
    if (!shows.length) $("show-list").append(element("li", {}, "No shows on the board."));
  }
  $("shows-again").onclick = trying(() => listShows());
  $("show-form").onsubmit = trying(async () => {
    const query = new URLSearchParams({ name: $("show-name").value, boot: Number($("show-boot").checked),
      button: Number($("show-button").checked) });
    $("show-notice").textContent = "The show is made and brought to the board ...";
    try {
      await listShows(await ask("POST", "/shows?" + query, $("show-file").files[0], "application/octet-stream"));
      $("show-notice").textContent = "Stored.";
    } catch (error) { $("show-notice").textContent = error.message; }
  });

  // ---- calibrate

  let room = null, beat = 0, held = 0, set_ = null;

  function wish(message) { if (room?.readyState === 1) room.send(JSON.stringify(message)); }

  $("calibrate-begin").onclick = () => {
    $("calibrate-refused").textContent = "";
    room = new WebSocket(address("/calibrate"));
    // The servo goes limp when this does not come: when the page is hidden, closed, or out of reach.
    beat = setInterval(() => { if (!document.hidden) wish({ type: "alive" }); }, 200);
    room.onmessage = (message) => {
      const told = JSON.parse(message.data);
      if (told.type === "error") { set_ ? toast(sentence(told.error)) : ($("calibrate-refused").textContent = sentence(told.error)); return; }
      if (!set_) { $("calibrate-in").hidden = false; $("calibrate-out").hidden = true; }
      calibrated(told);
    };
    room.onclose = () => {
      clearInterval(beat);
      clearInterval(held);
      set_ = room = null;
      $("calibrate-in").hidden = true;
      $("calibrate-out").hidden = false;
    };
  };

  function calibrated(told) {
    set_ = told;
    const servo = told.servos[told.chosen];
    const names = told.servos.map((one) => one.name.replaceAll("_", " ") + (one.changed ? " *" : ""));
    if ($("servo").dataset.told !== names.join()) {
      $("servo").dataset.told = names.join();
      $("servo").replaceChildren(...names.map((name, place) => element("option", { value: place }, name)));
    }
    $("servo").value = told.chosen;
    const low = told.low_us - 20, span = told.high_us - told.low_us + 40;
    const place = (us) => 100 * (us - low) / span + "%";
    const part = (name) => $("range").querySelector("." + name).style;
    part("span").left = place(servo.min_us);
    part("span").width = 100 * (servo.max_us - servo.min_us) / span + "%";
    part("rest").left = place(servo.rest_us);
    part("at").left = place(told.at_us);
    part("goal").left = place(told.goal_us);
    const isLimp = told.state === "limp";
    $("range").classList.toggle("limp", isLimp);
    for (const [name, us] of [["min-us", servo.min_us], ["rest-us", servo.rest_us], ["max-us", servo.max_us]])
      set($(name), String(Math.round(us)));
    set($("at-us"), isLimp ? "limp" : String(Math.round(told.at_us)));
    set($("calibrate-notice"), told.notice);
    set($("power"), isLimp ? "Give pulses" : "Limp");
    for (const button of document.querySelectorAll("#calibrate-in [data-move], #calibrate-in [data-set], #calibrate-in [data-show], #show-speed"))
      button.disabled = isLimp || told.shows;
    $("halt").disabled = !told.shows;
    $("save").disabled = !told.unsaved;
    set($("reverse"), servo.inverted ? "Reversed" : "Reverse");
    $("reverse").setAttribute("aria-pressed", String(servo.inverted));
    if (document.activeElement !== $("speed")) $("speed").value = servo.speed;
    set($("calibrate-file"), (told.unsaved ? "Not saved yet; it goes to " : "Saved in ") + told.file);
  }

  for (const button of document.querySelectorAll("[data-move]")) {
    const move = () => wish({ type: "move", by_us: Number(button.dataset.move) });
    const end = () => { clearInterval(held); held = 0; };
    button.onpointerdown = (event) => { if (event.button === 0) { move(); clearInterval(held); held = setInterval(move, 150); } };
    for (const kind of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(kind, end);
    button.onkeydown = (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); move(); } };
  }
  for (const button of document.querySelectorAll("[data-set]")) button.onclick = () => wish({ type: "set", what: button.dataset.set });
  for (const button of document.querySelectorAll("[data-show]")) button.onclick = () => wish({ type: "show", what: button.dataset.show });
  $("power").onclick = () => wish({ type: set_?.state === "limp" ? "power" : "limp" });
  $("servo").onchange = () => wish({ type: "choose", servo: Number($("servo").value) });
  const step = (by) => () => { const all = set_.servos.length; wish({ type: "choose", servo: (set_.chosen + by + all) % all }); };
  $("servo-previous").onclick = step(-1);
  $("servo-next").onclick = step(1);
  $("reverse").onclick = () => wish({ type: "reverse" });
  $("halt").onclick = () => wish({ type: "halt" });
  $("undo").onclick = () => wish({ type: "undo" });
  $("save").onclick = () => wish({ type: "save" });
  $("speed-form").onsubmit = (event) => { event.preventDefault(); wish({ type: "speed", ranges_s: Number($("speed").value) }); $("speed").blur(); };
  $("show-speed").onclick = () => {
    if (confirm("The servo moves between its ends, faster each round. Hands off! Go?")) wish({ type: "show", what: "speed" });
  };
  $("calibrate-end").onclick = () => {
    if (!set_?.servos.some((one) => one.changed) || confirm("There is something that is not saved. End all the same?")) room?.close();
  };

  connect();
}

// ---- the drawing: a face from the front, in millimetres, from targets by the channels' names

function drawing(svg, calm) {
  const NS = "http://www.w3.org/2000/svg";
  // How far the reference head's parts go from one end of a servo's range to the other, in millimetres.
  const UPPER = 12.2, LOWER = 14.0, JAW = 22.0, CORNER = 12.3, HALF_WIDTH = 25.2;
  const part = {};
  let names = new Map(), rests = [], shown = [], goal = [], drawnAt = 0;

  function add(parent, kind, attributes, name) {
    const made = document.createElementNS(NS, kind);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    if (name) part[name] = made;
    return made;
  }
  const color = (name) => `var(--${name})`;

  const defs = add(svg, "defs", {});
  for (const [id, from, to] of [["skin", "skin", "skin-2"], ["steel", "metal", "metal-2"]]) {
    const shade = add(defs, "radialGradient", { id, cx: "45%", cy: "35%", r: "75%" });
    add(shade, "stop", { offset: "45%", "stop-color": color(from) });
    add(shade, "stop", { offset: "100%", "stop-color": color(to) });
  }
  for (const side of ["left", "right"]) add(add(defs, "clipPath", { id: "eye-" + side }), "ellipse", { cx: side === "left" ? 33 : -33, cy: -26, rx: 18, ry: 14.5 });
  add(add(defs, "clipPath", { id: "inside" }), "path", {}, "insideClip");

  add(svg, "path", { d: "M-30 88 L-34 150 H34 L30 88Z", fill: "url(#steel)" });
  add(svg, "path", { d: "M-31 108H31M-32 122H32", stroke: color("metal-2"), "stroke-width": 2.5, fill: "none" });
  const head = add(svg, "g", {}, "head");
  for (const x of [-79, 79]) {
    add(head, "circle", { cx: x, cy: -14, r: 15, fill: "url(#steel)" });
    add(head, "circle", { cx: x, cy: -14, r: 6, fill: color("metal-2") });
  }
  add(head, "path", { fill: "url(#skin)", stroke: color("skin-line"), "stroke-width": 1.5 }, "skull");
  add(head, "path", { d: "M-73 -66C-40 -83 40 -83 73 -66", fill: "none", stroke: color("skin-line"), "stroke-width": 1.6, opacity: .45 });
  for (const x of [-58, 58]) add(head, "circle", { cx: x, cy: -84, r: 2.6, fill: color("skin-line"), opacity: .45 });
  const features = add(head, "g", {}, "features");
  for (const x of [-50, 50]) add(features, "ellipse", { cx: x, cy: 18, rx: 19, ry: 13, fill: color("lip"), opacity: .07 });
  for (const side of ["left", "right"]) eye(side, side === "left" ? 1 : -1);
  add(features, "path", { d: "M-3 -14 C-6 2 -12 12 -9 16 C-5 20 5 20 9 16 C12 12 6 2 3 -14", fill: color("skin-2"), opacity: .55 });
  add(features, "path", { d: "M-7.5 16.5q3 -2 5 1M7.5 16.5q-3 -2 -5 1", stroke: color("skin-line"), "stroke-width": 2, fill: "none", "stroke-linecap": "round" });
  // The mouth is what this is about: a little larger than life.
  const mouth = add(features, "g", { transform: "translate(0 52) scale(1.28) translate(0 -52)" });
  add(mouth, "path", { fill: color("mouth") }, "inside");
  const teeth = add(mouth, "g", { "clip-path": "url(#inside)" });
  add(teeth, "path", { fill: "#c9596a" }, "tongue");
  add(teeth, "path", { fill: "#f6f1e7" }, "upperTeeth");
  add(teeth, "path", { fill: "#e6dfd2" }, "lowerTeeth");
  add(mouth, "path", { fill: color("lip") }, "upperLip");
  add(mouth, "path", { fill: color("lip-2") }, "lowerLip");
  add(mouth, "path", { fill: "none", stroke: "#fff", "stroke-width": 2, opacity: .28, "stroke-linecap": "round" }, "shine");

  function eye(side, sign) {
    const group = add(features, "g", {});
    const x = 33 * sign;
    add(group, "ellipse", { cx: x, cy: -25, rx: 24, ry: 20, fill: color("skin-2"), opacity: .28 });
    add(group, "ellipse", { cx: x, cy: -26, rx: 18, ry: 14.5, fill: "#fbfaf6" });
    const seen = add(group, "g", { "clip-path": `url(#eye-${side})` });
    const iris = add(seen, "g", {}, side + "Iris");
    add(iris, "circle", { cx: x, cy: -26, r: 8.6, fill: color("iris") });
    add(iris, "circle", { cx: x, cy: -26, r: 4.2, fill: "#101417" });
    add(iris, "circle", { cx: x + 2.8, cy: -29, r: 2, fill: "#fff" });
    add(seen, "path", { fill: color("lid"), stroke: color("lash"), "stroke-width": 2.2 }, side + "Upper");
    add(seen, "path", { fill: color("lid"), stroke: color("skin-line"), "stroke-width": 1.1 }, side + "Lower");
    add(features, "path", { fill: "none", stroke: color("brow"), "stroke-width": 6.5, "stroke-linecap": "round" }, side + "Brow");
  }

  function smooth(points) { // a curve through the points, from the first to the last
    let path = "";
    for (let i = 0; i < points.length - 1; i++) {
      const [a, b, c, d] = [points[i - 1] || points[i], points[i], points[i + 1], points[i + 2] || points[i + 1]];
      path += `C${b[0] + (c[0] - a[0]) / 6} ${b[1] + (c[1] - a[1]) / 6} ${c[0] - (d[0] - b[0]) / 6} ${c[1] - (d[1] - b[1]) / 6} ${c[0]} ${c[1]}`;
    }
    return path;
  }
  const from = (points) => `M${points[0][0]} ${points[0][1]}` + smooth(points);
  const on = (points) => `L${points[0][0]} ${points[0][1]}` + smooth(points);

  function meet(channels) {
    names = new Map(channels.map((channel, place) => [channel.name, place]));
    rests = channels.map((channel) => channel.rest);
    shown = goal = rests;
    draw();
  }

  // How far a channel is from rest, in ranges; of the first of these names that the head has, else 0.
  function away(...wanted) {
    for (const name of wanted) if (names.has(name)) return shown[names.get(name)] - rests[names.get(name)];
    return 0;
  }
  function at(usual, ...wanted) {
    for (const name of wanted) if (names.has(name)) return shown[names.get(name)];
    return usual;
  }

  function draw() {
    const jaw = Math.max(0, away("jaw")) * JAW;
    const yaw = away("neck_yaw"), pitch = away("neck_pitch"), roll = away("neck_roll");
    part.head.setAttribute("transform", `rotate(${roll * 28} 0 90) translate(${yaw * 10} ${-pitch * 8})`);
    part.features.setAttribute("transform", `translate(${yaw * 26} ${-pitch * 24})`);
    part.skull.setAttribute("d", `M0 -112C50 -112 78 -78 78 -28C78 8 74 40 60 ${66 + jaw * .5}C48 ${88 + jaw} 26 ${100 + jaw} 0 ${100 + jaw}C-26 ${100 + jaw} -48 ${88 + jaw} -60 ${66 + jaw * .5}C-74 40 -78 8 -78 -28C-78 -78 -50 -112 0 -112Z`);
    for (const [side, sign] of [["left", 1], ["right", -1]]) drawEye(side, sign);
    drawMouth(jaw);
  }

  function drawEye(side, sign) {
    const x = 33 * sign;
    const pan = away(`eye_${side}_pan`) * 17, tilt = away(`eye_${side}_tilt`) * 14;
    part[side + "Iris"].setAttribute("transform", `translate(${pan} ${-tilt})`);
    const lowShare = at(.375, `lid_${side}_lower`), upShare = at(.328, `lid_${side}_upper`);
    const low = -26 + 17 - 14 * lowShare;
    const up = Math.min(low, -26 - 20 + (low + 46) * upShare ** .9);
    part[side + "Upper"].setAttribute("d", `M${x - 21} -48H${x + 21}V${up + 5}Q${x} ${up - 5} ${x - 21} ${up + 5}Z`);
    part[side + "Lower"].setAttribute("d", `M${x - 21} -4H${x + 21}V${low - 4}Q${x} ${low + 5} ${x - 21} ${low - 4}Z`);
    const inner = -57 - away(`brow_${side}_inner`) * 26, outer = -55 - away(`brow_${side}_outer`) * 24;
    part[side + "Brow"].setAttribute("d", `M${15 * sign} ${inner}Q${33 * sign} ${(inner + outer) / 2 - 8} ${53 * sign} ${outer + 3}`);
  }

  function drawMouth(jaw) {
    const y = 52;
    const left = HALF_WIDTH + away("corner_left") * 2 * CORNER, right = HALF_WIDTH + away("corner_right") * 2 * CORNER;
    const upper = ["left", "mid", "right"].map((where) => y - away("upper_lip_" + where, "upper_lip_mid", "upper_lip") * UPPER);
    const lower = ["left", "mid", "right"].map((where) => y + jaw - away("lower_lip_" + where, "lower_lip_mid", "lower_lip") * LOWER);
    for (let i = 0; i < 3; i++) if (lower[i] < upper[i]) upper[i] = lower[i] = (upper[i] + lower[i]) / 2; // they press
    const corner = y + jaw * .32;
    const out = { upper: away("upper_lip_forward", "lips_forward"), lower: away("lower_lip_forward", "lips_forward") };
    const thickUp = 6.4 + 4.5 * out.upper, thickLow = 8.2 + 4.5 * out.lower;
    const top = [[left, corner], [left * .5, upper[0]], [0, upper[1]], [-right * .5, upper[2]], [-right, corner]];
    const bottom = [[left, corner], [left * .5, lower[0]], [0, lower[1]], [-right * .5, lower[2]], [-right, corner]];
    const topOut = [[-right - 3, corner], [-right * .5, upper[2] - thickUp * .95], [-5, upper[1] - thickUp * 1.12], [0, upper[1] - thickUp * .85], [5, upper[1] - thickUp * 1.12], [left * .5, upper[0] - thickUp * .95], [left + 3, corner]];
    const bottomOut = [[-right - 3, corner], [-right * .5, lower[2] + thickLow * .85], [0, lower[1] + thickLow * 1.15], [left * .5, lower[0] + thickLow * .85], [left + 3, corner]];
    const inside = from(top) + on([...bottom].reverse()) + "Z";
    part.inside.setAttribute("d", inside);
    part.insideClip.setAttribute("d", inside);
    part.upperLip.setAttribute("d", from(top) + on(topOut) + "Z");
    part.lowerLip.setAttribute("d", from(bottom) + on(bottomOut) + "Z");
    part.shine.setAttribute("d", `M${-right * .3} ${lower[2] + thickLow * .55}Q0 ${lower[1] + thickLow * .75} ${left * .3} ${lower[0] + thickLow * .55}`);
    part.upperTeeth.setAttribute("d", `M-19 ${y - 8}H19L17 ${y + 5}Q0 ${y + 8} -17 ${y + 5}Z`);
    part.lowerTeeth.setAttribute("d", `M-17 ${y + jaw + 10}H17V${y + jaw + 3}Q0 ${y + jaw + 1} -17 ${y + jaw + 3}Z`);
    part.tongue.setAttribute("d", `M-16 ${y + jaw + 12}Q0 ${y + jaw * .62 + 2} 16 ${y + jaw + 12}Z`);
  }

  // Between two snapshots the face goes on smoothly, as the board's servos do.
  function frame(now) {
    const pass = calm.matches ? (now - drawnAt > 200 ? 1 : 0) : 1 - Math.exp(-(now - drawnAt) / 35);
    if (pass && !document.hidden && shown.some((target, place) => Math.abs(target - goal[place]) > .0005)) {
      shown = shown.map((target, place) => target + pass * (goal[place] - target));
      draw();
    }
    if (pass) drawnAt = now;
    requestAnimationFrame(frame);
  }
  requestAnimationFrame(frame);
  return { meet, go: (targets) => { if (targets.length === rests.length) goal = targets; } };
}

// ---- the worklet

function takeSound() {
  const BLOCK = 480; // samples: 10 ms of most microphones
  registerProcessor("take-sound", class extends AudioWorkletProcessor {
    constructor() {
      super();
      this.block = new Int16Array(BLOCK);
      this.count = 0;
    }
    process([input]) {
      for (const sample of input[0] || []) {
        this.block[this.count++] = Math.max(-1, Math.min(1, sample)) * 32767;
        if (this.count === BLOCK) {
          this.port.postMessage(this.block.buffer.slice(0));
          this.count = 0;
        }
      }
      return true;
    }
  });
}
