//! ffmpeg: an encoder that closes both connections at the end and waits for no reply.

use super::Ground;

/// What it is told to make: a name, and the options for it.
const FORMS: [(&str, &[&str]); 5] = [
    ("a.mp3", &[]),
    ("a.mp4", &["-movflags", "frag_keyframe+empty_moov"]),
    ("a.ts", &[]),
    ("a.mkv", &[]),
    ("a.wav", &[]),
];

#[test]
fn what_an_encoder_sends_is_stored() {
    let Some(ground) = Ground::of("ffmpeg") else { return };
    for (name, options) in FORMS {
        let begin = ["-v", "error", "-f", "lavfi", "-i", "sine=duration=5"];
        let url = ground.url(name);
        ground.run("ffmpeg", &[&begin[..], options, &["-y", &url]].concat()).ok();
        ground.daemon.wait_for_log(&format!("put /{name} "));
        let stored = std::fs::metadata(ground.stored(name)).expect(name).len();
        assert!(stored > 10_000, "{name}: {stored}");
        // And it reads what it wrote to the end.
        ground.run("ffmpeg", &["-v", "error", "-i", &url, "-f", "null", "-"]).ok();
    }
}
