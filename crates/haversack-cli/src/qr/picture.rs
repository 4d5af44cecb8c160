//! A code as a picture: PNG or SVG.

use std::path::Path;

use super::code::Code;
use crate::error::Error;

/// Dots of a module in a PNG: the largest code becomes 1,000 dots wide.
const DOTS: usize = 8;

/// The format of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picture {
    Png,
    Svg,
}

impl Picture {
    /// What the name of a file says.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_ascii_lowercase();
        match ending.to_str()? {
            "png" => Some(Self::Png),
            "svg" => Some(Self::Svg),
            _ => None,
        }
    }

    /// Draws a code.
    pub(super) fn draw(self, code: &Code) -> Result<Vec<u8>, Error> {
        match self {
            Self::Png => png(code).map_err(|_| Error::Drawing),
            Self::Svg => Ok(svg(code).into_bytes()),
        }
    }
}

/// One bit a dot; 0 is black.
fn png(code: &Code) -> Result<Vec<u8>, png::EncodingError> {
    let side = code.side() * DOTS;
    let mut bits = Vec::with_capacity(side * side / 8);
    for row in code.rows() {
        // As many dots as a byte has bits: a module is a byte.
        let line: Vec<u8> = row.iter().map(|dark| if *dark { 0 } else { 0xFF }).collect();
        (0..DOTS).for_each(|_| bits.extend(&line));
    }
    let mut out = Vec::new();
    let size = u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut out, size, size);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bits)?;
    writer.finish()?;
    Ok(out)
}

/// One path, a square for each dark module.
fn svg(code: &Code) -> String {
    let mut path = String::new();
    for (y, row) in code.rows().enumerate() {
        let dark = row.iter().enumerate().filter(|(_, dark)| **dark);
        dark.for_each(|(x, _)| path += &format!("M{x} {y}h1v1h-1z"));
    }
    let side = code.side();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\"/></svg>\n"
    )
}
