//! Bars as SVG: a panel per figure, a bar per contestant.

use std::path::Path;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A picture of panels one below the other.
#[derive(Debug, Default, Clone)]
pub(crate) struct Plot {
    pub(crate) title: &'static str,
    pub(crate) panels: Vec<Panel>,
}

/// One figure of all contestants.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    /// What it is, with its unit and which way is better.
    pub(crate) title: String,
    pub(crate) bars: Vec<Bar>,
}

#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub(crate) label: &'static str,
    pub(crate) value: f64,
    /// What stands beside the bar.
    pub(crate) shown: String,
    pub(crate) kind: Kind,
}

/// Whose bar it is: it decides the colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Peer,
    Limit,
    Ours,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = anyhow::Result<()>;

const WIDTH: i32 = 860;
const MARGIN: i32 = 24;
/// Where bars begin and where the longest ends; figures stand behind.
const BARS: (i32, i32) = (236, 660);
const TITLE_HEIGHT: i32 = 56;
const PANEL_TITLE_HEIGHT: i32 = 30;
const BAR_PITCH: i32 = 30;
const BAR_HEIGHT: i32 = 20;
const PANEL_GAP: i32 = 18;

const INK: RGBColor = RGBColor(31, 35, 40);
const PALE_INK: RGBColor = RGBColor(101, 109, 118);
const GROUND: RGBColor = RGBColor(238, 240, 243);

impl Kind {
    const fn colour(self) -> RGBColor {
        match self {
            Self::Peer => RGBColor(141, 153, 174),
            Self::Limit => RGBColor(196, 203, 214),
            Self::Ours => RGBColor(205, 97, 51),
        }
    }
}

impl Plot {
    /// Writes the picture.
    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let size = (WIDTH.unsigned_abs(), self.height().unsigned_abs());
        let area = SVGBackend::new(file, size).into_drawing_area();
        self.draw(&area)
            .and_then(|()| Ok(area.present()?))
            .map_err(|error| anyhow!("{}: {error}", file.display()))
    }

    fn height(&self) -> i32 {
        TITLE_HEIGHT + self.panels.iter().map(|panel| panel.height() + PANEL_GAP).sum::<i32>() + MARGIN
            - PANEL_GAP
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        area.fill(&WHITE)?;
        write(area, self.title, (MARGIN, TITLE_HEIGHT / 2 + 2), &text(25, INK, HPos::Left).bold())?;
        let mut top = TITLE_HEIGHT;
        for panel in &self.panels {
            panel.draw(area, top)?;
            top += panel.height() + PANEL_GAP;
        }
        Ok(())
    }
}

impl Panel {
    fn height(&self) -> i32 {
        PANEL_TITLE_HEIGHT + BAR_PITCH * i32::try_from(self.bars.len()).unwrap_or(0)
    }

    fn draw(&self, area: &Area<'_>, top: i32) -> Drawn {
        write(area, &self.title, (MARGIN, top + 9), &text(17, PALE_INK, HPos::Left))?;
        let longest = self.bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
        let mut middle = top + PANEL_TITLE_HEIGHT + BAR_PITCH / 2;
        for bar in &self.bars {
            bar.draw(area, middle, longest)?;
            middle += BAR_PITCH;
        }
        Ok(())
    }
}

impl Bar {
    fn draw(&self, area: &Area<'_>, middle: i32, longest: f64) -> Drawn {
        let ours = self.kind == Kind::Ours;
        let end = BARS.0 + self.length(longest);
        let (above, below) = (middle - BAR_HEIGHT / 2, middle + BAR_HEIGHT / 2);
        area.draw(&Rectangle::new([(BARS.0, above), (BARS.1, below)], GROUND.filled()))?;
        area.draw(&Rectangle::new([(BARS.0, above), (end, below)], self.kind.colour().filled()))?;
        let style = |ink, side| if ours { text(17, ink, side).bold() } else { text(17, ink, side) };
        write(area, self.label, (BARS.0 - 12, middle), &style(INK, HPos::Right))?;
        write(area, &self.shown, (BARS.1 + 12, middle), &style(INK, HPos::Left))
    }

    /// In pixels; whatever isn't nothing is seen.
    #[expect(clippy::cast_possible_truncation, reason = "a share of a few hundred pixels")]
    fn length(&self, longest: f64) -> i32 {
        let share = if longest > 0.0 { (self.value / longest).clamp(0.0, 1.0) } else { 0.0 };
        let pixels = (share * f64::from(BARS.1 - BARS.0)).round() as i32;
        if share > 0.0 { pixels.max(2) } else { 0 }
    }
}

/// A text style with its bold variant.
#[derive(Clone)]
struct Font {
    size: i32,
    ink: RGBColor,
    side: HPos,
    weight: FontStyle,
}

fn text(size: i32, ink: RGBColor, side: HPos) -> Font {
    Font { size, ink, side, weight: FontStyle::Normal }
}

impl Font {
    fn bold(self) -> Self {
        Self { weight: FontStyle::Bold, ..self }
    }
}

/// Writes a text whose middle is at this height.
fn write(area: &Area<'_>, words: &str, at: (i32, i32), font: &Font) -> Drawn {
    let family = FontFamily::Name("Inter, Helvetica, Arial, sans-serif");
    let style = FontDesc::new(family, f64::from(font.size), font.weight).color(&font.ink);
    area.draw(&Text::new(words.to_owned(), at, style.pos(Pos::new(font.side, VPos::Center))))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(value: f64, kind: Kind) -> Bar {
        Bar { label: "somebody's <server>", value, shown: "1,234 (1,200–1,300)".to_owned(), kind }
    }

    #[test]
    fn a_bar_is_as_long_as_its_share_and_seen_if_it_is_anything() {
        let full = BARS.1 - BARS.0;
        assert_eq!(bar(50.0, Kind::Ours).length(100.0), full / 2);
        assert_eq!(bar(100.0, Kind::Ours).length(100.0), full);
        assert_eq!(bar(0.001, Kind::Ours).length(100.0), 2);
        assert_eq!(bar(0.0, Kind::Ours).length(0.0), 0);
    }

    #[test]
    fn the_picture_holds_every_bar_with_its_figure() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("x.svg");
        let bars = vec![bar(3.0, Kind::Peer), bar(9.0, Kind::Limit), bar(8.0, Kind::Ours)];
        let panels = vec![Panel { title: "MB/s".to_owned(), bars }];
        Plot { title: "Throughput", panels }.write(&file).unwrap();
        let svg = std::fs::read_to_string(file).unwrap();
        assert_eq!(svg.matches("1,234 (1,200–1,300)").count(), 3);
        assert!(svg.contains("somebody&apos;s &lt;server&gt;") || svg.contains("somebody's &lt;server&gt;"));
    }
}
