//! Enrolment by QR codes: what is drawn is read again by another program, and brings a device in.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use rqrr::PreparedImage;
use serde_json::Value;

use crate::bench::{Bench, err, out, with_stdin};

/// The text of the one code in a picture.
fn scan(width: usize, height: usize, dark: impl Fn(usize, usize) -> bool) -> String {
    let grey = |x, y| if dark(x, y) { 0 } else { 255 };
    let mut image = PreparedImage::prepare_from_greyscale(width, height, grey);
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1);
    grids[0].decode().unwrap().1
}

fn scan_png(path: &Path) -> String {
    let mut reader =
        png::Decoder::new(BufReader::new(File::open(path).unwrap())).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Grayscale, png::BitDepth::One));
    scan(info.width as usize, info.height as usize, |x, y| {
        bytes[y * info.line_size + x / 8] >> (7 - x % 8) & 1 == 0
    })
}

/// Reads the squares of our own path; any other SVG is more than this can do.
fn scan_svg(path: &Path) -> String {
    let svg = std::fs::read_to_string(path).unwrap();
    let between = |from: &str, to: &str| svg.split_once(from).unwrap().1.split_once(to).unwrap().0;
    let side: usize = between("viewBox=\"0 0 ", " ").parse().unwrap();
    let mut dark = vec![false; side * side];
    let squares = between("<path d=\"M", "z\"").split("zM");
    for square in squares {
        let (x, y) = square.strip_suffix("h1v1h-1").unwrap().split_once(' ').unwrap();
        dark[y.parse::<usize>().unwrap() * side + x.parse::<usize>().unwrap()] = true;
    }
    scan(side * 4, side * 4, |x, y| dark[y / 4 * side + x / 4])
}

/// The texts of the codes that a terminal shows.
fn scan_terminal(shown: &str) -> Vec<String> {
    let code = |lines: &[&str]| {
        let rows: Vec<Vec<char>> = lines.iter().map(|line| line.chars().collect()).collect();
        let dark = |x: usize, y: usize| match rows[y / 2][x] {
            '█' => true,
            '▀' => y.is_multiple_of(2),
            '▄' => !y.is_multiple_of(2),
            _ => false,
        };
        let side = rows[0].len();
        scan(side * 4, side * 4, |x, y| dark(x / 4, y / 4))
    };
    let lines: Vec<&str> = shown
        .lines()
        .map(|line| {
            let drawn = line.strip_prefix("\u{1b}[38;5;16;48;5;231m");
            drawn.map_or("", |drawn| drawn.strip_suffix("\u{1b}[0m").unwrap())
        })
        .collect();
    lines.split(|line| line.is_empty()).filter(|lines| !lines.is_empty()).map(code).collect()
}

fn parts(found: &Value) -> Vec<String> {
    found["parts"].as_array().unwrap().iter().map(|part| part.as_str().unwrap().into()).collect()
}

#[test]
fn a_device_joins_by_pictures() {
    let bench = Bench::with_team();
    let asked = bench.json("b", &["join", "--request", "--qr-file", "request.png"]);
    let request = scan_png(&bench.path("request.png"));
    assert_eq!(parts(&asked), std::slice::from_ref(&request));
    let relays: Vec<String> =
        (1..8).map(|n| format!("http://relay-{n}.example:80#{n:032x}")).collect();
    let relays = relays.iter().flat_map(|relay| ["--relay", relay]);
    let args: Vec<&str> = ["invite", "--qr-file", "answer.svg"].into_iter().chain(relays).collect();
    let invited = bench.json_from("a", &args, &request);
    let drawn = parts(&invited);
    assert_eq!(drawn.len(), 3, "seven relays make a long answer");
    let names = ["answer-3-of-3.svg", "answer-2-of-3.svg", "answer-1-of-3.svg"];
    let scanned = names.map(|name| scan_svg(&bench.path(name)));
    assert!(scanned.iter().eq(drawn.iter().rev()));

    let output = with_stdin(bench.on("b", &["join"]), &scanned[0]);
    insta::assert_snapshot!(err(&output), @"
    error: this answer is not whole: of its 3 parts, these are missing: 1, 2
    hint: hand in all parts at once, in any order; line breaks between them do no harm
    ");
    let joined = bench.json_from("b", &["join"], &scanned.join("\n\n"));
    assert_eq!(joined["words"], invited["words"]);
}

#[test]
fn a_device_joins_by_terminals() {
    let bench = Bench::with_team();
    let asked = bench.ok("b", &["join", "--request", "--qr"]);
    let request = scan_terminal(&asked);
    assert_eq!(request.len(), 1);
    let output = with_stdin(bench.on("a", &["invite", "--qr"]), &request[0]);
    let shown = out(&output);
    assert!(shown.contains("code 1 of 6:") && shown.contains("six words: "), "{shown}");
    let mut answer = scan_terminal(&shown);
    answer.reverse();
    let joined = bench.ok("b", &["join", &answer.concat()]);
    let words =
        |text: &str| text.lines().find(|line| line.starts_with("six words: ")).map(str::to_owned);
    assert_eq!(words(&shown), words(&joined));
}

#[test]
fn pictures_are_private_and_never_written_over() {
    let bench = Bench::new();
    let run = |args: &[&str]| bench.on("b", &[&["join"], args].concat()).output().unwrap();
    let asks = ["--request", "--qr-file", "request.svg"];
    let first = run(&asks);
    assert!(out(&first).contains("Delete it once it was scanned"), "{}", err(&first));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = bench.path("request.svg").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = run(&asks);
    assert_eq!((again.status.code(), out(&again)), (Some(7), String::new()));
    insta::assert_snapshot!(err(&again), @"
    error: request.svg is there already
    hint: choose another name, or replace the file with --force
    ");
    let before = scan_svg(&bench.path("request.svg"));
    assert!(run(&[&asks[..], &["--force"]].concat()).status.success());
    assert_ne!(scan_svg(&bench.path("request.svg")), before, "each request has its own key");
    let wrong: [(&[&str], &str); 3] = [
        (&["--request", "--qr-file", "request.gif"], "ends in .png or .svg"),
        (&["--qr", "HSA1-AAAAA"], "it goes with --request"),
        (&["--request", "--force"], "--qr-file"),
    ];
    for (args, expected) in wrong {
        let refused = run(args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}");
        assert!(err(&refused).contains(expected), "{args:?}: {}", err(&refused));
    }
}
