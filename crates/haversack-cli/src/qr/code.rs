//! One QR code: its modules, and how a terminal shows them.

use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, QrCode, Version};

use crate::error::Error;

/// Light modules around a code, which scanners ask for.
const QUIET: usize = 4;
const ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
/// Black on white whatever the terminal's own colours are: these two of the 256 no theme changes.
const COLOURS: &str = "\u{1b}[38;5;16;48;5;231m";
const PLAIN: &str = "\u{1b}[0m";

/// How large a code may become.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit {
    version: i16,
    level: EcLevel,
    /// So many characters of the alphanumeric mode it holds then.
    pub(super) characters: usize,
}

/// 69 modules, with the light ones around them 77 columns: a terminal has 80.
pub(super) const FOR_TERMINALS: Fit = Fit { version: 13, level: EcLevel::L, characters: 619 };
/// 117 modules: what a plain phone still reads from paper or a screen.
pub(super) const FOR_PICTURES: Fit = Fit { version: 25, level: EcLevel::M, characters: 1_451 };

/// The modules of a code, with the light ones around it.
pub(super) struct Code {
    side: usize,
    dark: Vec<bool>,
}

impl Code {
    /// Encodes a text in the smallest version that holds it.
    pub(super) fn new(text: &str, fit: Fit) -> Result<Self, Error> {
        let bits = (1..=fit.version).find_map(|version| bits(text, version, fit.level));
        let code = QrCode::with_bits(bits.ok_or(Error::Drawing)?, fit.level);
        Ok(Self::framed(&code.map_err(|_| Error::Drawing)?))
    }

    fn framed(code: &QrCode) -> Self {
        let (inner, side) = (code.width(), code.width() + 2 * QUIET);
        let colors = code.to_colors();
        let mut dark = vec![false; side * side];
        let rows = dark.chunks_mut(side).skip(QUIET);
        for (row, colors) in rows.zip(colors.chunks(inner)) {
            for (module, color) in row.iter_mut().skip(QUIET).zip(colors) {
                *module = *color == Color::Dark;
            }
        }
        Self { side, dark }
    }

    /// Modules in a row, and rows.
    pub(super) const fn side(&self) -> usize {
        self.side
    }

    /// The rows of modules; dark ones are true.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[bool]> {
        self.dark.chunks(self.side)
    }

    /// Two rows of modules a line. Without colours the light modules are drawn: right on a dark terminal, and inverted on a light
    /// one, which most scanners take too.
    pub(super) fn on_terminal(&self, colours: bool) -> String {
        let rows: Vec<&[bool]> = self.rows().collect();
        rows.chunks(2).map(|rows| line(rows, colours)).collect()
    }
}

fn bits(text: &str, version: i16, level: EcLevel) -> Option<Bits> {
    // The encoder takes any bytes for characters of its set.
    if !text.bytes().all(|byte| ALPHANUMERIC.contains(&byte)) {
        return None;
    }
    let mut bits = Bits::new(Version::Normal(version));
    bits.push_alphanumeric_data(text.as_bytes()).ok()?;
    bits.push_terminator(level).ok()?;
    Some(bits)
}

fn line(rows: &[&[bool]], colours: bool) -> String {
    let filled = |row: usize, column| {
        let dark =
            rows.get(row).and_then(|row: &&[bool]| row.get(column)).copied().unwrap_or(false);
        dark == colours
    };
    let columns = rows.first().map_or(0, |row| row.len());
    let blocks = (0..columns).map(|column| match (filled(0, column), filled(1, column)) {
        (false, false) => ' ',
        (true, false) => '▀',
        (false, true) => '▄',
        (true, true) => '█',
    });
    let blocks: String = blocks.collect();
    match colours {
        true => format!("{COLOURS}{blocks}{PLAIN}\n"),
        false => format!("{blocks}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(side: usize, dark: impl Fn(usize, usize) -> bool) -> (usize, String) {
        // Four dots a module: the reader wants some to look at.
        let grey = |x: usize, y: usize| if dark(x / 4, y / 4) { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side * 4, side * 4, grey);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        let (about, text) = grids[0].decode().unwrap();
        (about.version.0, text)
    }

    #[test]
    fn a_code_is_read_by_another_program() {
        for fit in [FOR_TERMINALS, FOR_PICTURES] {
            let text: String = "HSA1.1.3.ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
                .chars()
                .cycle()
                .take(fit.characters)
                .collect();
            let code = Code::new(&text, fit).unwrap();
            let (version, read) = scanned(code.side(), |x, y| code.dark[y * code.side() + x]);
            assert_eq!((read, version), (text.clone(), fit.version as usize));
            // A character more does not fit; in bytes, not even this much would.
            assert!(matches!(Code::new(&(text + "A"), fit), Err(Error::Drawing)));
        }
        assert!(matches!(Code::new("lower case", FOR_PICTURES), Err(Error::Drawing)));
    }

    #[test]
    fn so_is_the_one_on_the_terminal() {
        let code = Code::new("HSR1-ABCDEFGH", FOR_TERMINALS).unwrap();
        let shown = code.on_terminal(true);
        let lines: Vec<Vec<char>> = shown
            .lines()
            .map(|line| {
                let line = line.strip_prefix(COLOURS).unwrap().strip_suffix(PLAIN).unwrap();
                line.chars().collect()
            })
            .collect();
        assert_eq!(lines.len(), code.side().div_ceil(2));
        let dark = |x: usize, y: usize| match lines[y / 2][x] {
            '█' => true,
            '▀' => y.is_multiple_of(2),
            '▄' => !y.is_multiple_of(2),
            _ => false,
        };
        assert_eq!(scanned(code.side(), dark).1, "HSR1-ABCDEFGH");
        // Without colours it is the same picture, the other way round.
        let swapped = |c| match c {
            '█' => ' ',
            ' ' => '█',
            '▀' => '▄',
            '▄' => '▀',
            other => other,
        };
        let plain: Vec<String> =
            lines.iter().map(|line| line.iter().copied().map(swapped).collect()).collect();
        assert_eq!(code.on_terminal(false).lines().collect::<Vec<_>>(), plain);
    }

    #[test]
    fn a_terminal_of_80_columns_holds_it() {
        let text = "A".repeat(FOR_TERMINALS.characters);
        assert!(Code::new(&text, FOR_TERMINALS).unwrap().side() <= 80);
    }
}
