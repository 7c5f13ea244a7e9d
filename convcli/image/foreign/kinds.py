"""Kinds of files that people have beside images, or take for images, and what to do with them.

None of them is read. Those with `suffixes` are pictures: whoever has a folder filtered is told
that they were left out. In commands NAME stands for the file's own.
"""

from __future__ import annotations

from convcli.record import record


@record
class Foreign:
    """A kind of file that isn't read.

    Parameters
    ----------
    what
        What it is, with its article.
    way
        What to do instead, as a clause.
    suffixes
        Endings of its files' names, in lower case, if it holds pictures.
    magic
        (place, bytes) of what tells its files: one of them is enough.
    """

    what: str
    way: str
    suffixes: tuple[str, ...] = ()
    magic: tuple[tuple[int, bytes], ...] = ()


def _first(*words: bytes) -> tuple[tuple[int, bytes], ...]:
    """Return what a file begins with."""
    return tuple((0, word) for word in words)


def _raw(what: str, suffix: str, *more: str, magic: tuple[tuple[int, bytes], ...] = ()) -> Foreign:
    """Return a kind of camera raw."""
    way = f"develop it first, as with: darktable-cli NAME{suffix} NAME.tif"
    return Foreign(f"{what} raw photograph", way, (suffix, *more), magic)


def _magick(what: str, suffix: str, *more: str, magic: tuple[tuple[int, bytes], ...]) -> Foreign:
    """Return a kind that ImageMagick makes PNG of, exactly."""
    way = f"convert it first, as with: magick NAME{suffix} NAME.png"
    return Foreign(what, way, (suffix, *more), magic)


def _oiio(what: str, suffix: str, *more: str, magic: tuple[tuple[int, bytes], ...]) -> Foreign:
    """Return a kind that OpenImageIO makes a TIFF of floats of."""
    way = f"convert it first, as with: oiiotool NAME{suffix} -o NAME.tif"
    return Foreign(what, way, (suffix, *more), magic)


def _bioformats(what: str, *suffixes: str, magic: tuple[tuple[int, bytes], ...] = ()) -> Foreign:
    """Return a microscope's kind."""
    way = f"convert it first, as with: bfconvert NAME{suffixes[0]} NAME.ome.tif"
    return Foreign(what, way, suffixes, magic)


_DOCUMENTS = (
    Foreign(
        "a PDF document", "make images of its pages, as with: pdftoppm -r 300 -png NAME.pdf NAME",
        (".pdf",), _first(b"%PDF"),
    ),
    Foreign(
        "a PostScript document",
        "make an image of it, as with: gs -sDEVICE=png16m -r300 -o NAME.png NAME.eps",
        (".eps", ".ps", ".ai"), _first(b"%!PS", b"\xc5\xd0\xd3\xc6"),
    ),
    Foreign(
        "an SVG drawing", "make an image of it, as with: rsvg-convert -o NAME.png NAME.svg",
        (".svg", ".svgz"), _first(b"<svg"),
    ),
    Foreign(
        "a Photoshop document",
        "save it as TIFF or PNG, or take its flat image: magick 'NAME.psd[0]' NAME.png",
        (".psd", ".psb"), _first(b"8BPS"),
    ),
    Foreign(
        "a GIMP document", "export it as PNG or TIFF from GIMP",
        (".xcf",), _first(b"gimp xcf"),
    ),
    Foreign(
        "a Paint Shop Pro document", "save it as PNG or TIFF from the program that made it",
        (".psp", ".pspimage"), _first(b"Paint Shop Pro Image"),
    ),
    Foreign(
        "a Windows metafile", "export it as PNG from the program that made it",
        (".wmf", ".emf"), ((0, b"\xd7\xcd\xc6\x9a"), (40, b" EMF")),
    ),
    Foreign(
        "a DjVu document", "make an image of it, as with: ddjvu -format=tiff NAME.djvu NAME.tif",
        (".djvu", ".djv"), _first(b"AT&TFORM"),
    ),
)  # fmt: skip

_CAMERAS = (
    _raw("a Canon (CR3)", ".cr3", magic=((4, b"ftypcrx "),)),
    _raw("a Canon (CRW)", ".crw", magic=((6, b"HEAPCCDR"),)),
    _raw("a Fujifilm (RAF)", ".raf", magic=_first(b"FUJIFILMCCD-RAW")),
    _raw("an Olympus (ORF)", ".orf", ".ori", magic=_first(b"IIRO", b"IIRS", b"MMOR")),
    _raw("a Panasonic (RW2)", ".rw2", ".rwl", magic=_first(b"IIU\0")),
    _raw("a Sigma (X3F)", ".x3f", magic=_first(b"FOVb")),
    _raw("a Minolta (MRW)", ".mrw", magic=_first(b"\0MRM")),
    # TIFF's reader tells those that begin as TIFF does.
    _raw("a DNG", ".dng"),
    _raw("a Canon (CR2)", ".cr2"),
    _raw("a Nikon (NEF)", ".nef", ".nrw"),
    _raw("a Sony (ARW)", ".arw", ".sr2", ".srf"),
    _raw("a Pentax (PEF)", ".pef"),
    _raw("a Samsung (SRW)", ".srw"),
    _raw("a Hasselblad (3FR)", ".3fr", ".fff"),
    _raw("a Phase One (IIQ)", ".iiq"),
    _raw("a Kodak (DCR)", ".dcr", ".kdc", ".k25"),
    _raw("an Epson (ERF)", ".erf"),
    _raw("a Mamiya (MEF)", ".mef"),
    _raw("a Leaf (MOS)", ".mos"),
    _raw("a GoPro (GPR)", ".gpr"),
)

_PIXELS = (
    _oiio("an OpenEXR image", ".exr", magic=_first(b"\x76\x2f\x31\x01")),
    _oiio("a Radiance HDR image", ".hdr", ".rgbe", ".xyze", magic=_first(b"#?RADIANCE", b"#?RGBE")),
    _oiio("a DPX image", ".dpx", magic=_first(b"SDPX", b"XPDS")),
    _oiio("a Cineon image", ".cin", magic=_first(b"\x80\x2a\x5f\xd7")),
    _magick("a TGA image", ".tga", magic=()),
    _magick("a QOI image", ".qoi", magic=_first(b"qoif")),
    _magick("a Windows icon", ".ico", magic=_first(b"\0\0\1\0")),
    _magick("a Windows cursor", ".cur", magic=_first(b"\0\0\2\0\1\0")),
    Foreign(
        "a macOS icon", "convert it first, as with: icns2png -x NAME.icns",
        (".icns",), _first(b"icns"),
    ),
    _magick("a DDS texture", ".dds", magic=_first(b"DDS ")),
    _magick("a PCX image", ".pcx", magic=()),
    _magick("an SGI image", ".sgi", ".rgb", ".bw", magic=_first(b"\x01\xda")),
    _magick("a Sun raster image", ".ras", magic=_first(b"\x59\xa6\x6a\x95")),
    _magick("an X pixmap", ".xpm", magic=_first(b"/* XPM */")),
    _magick("an X bitmap", ".xbm", magic=()),
    _magick("an XV thumbnail", ".xvpic", magic=_first(b"P7 332")),
    _magick("a farbfeld image", ".ff", magic=_first(b"farbfeld")),
    _magick("an XWD screen dump", ".xwd", magic=((4, b"\0\0\0\7\0\0\0\2"),)),
    _magick("a PICT image", ".pct", ".pict", magic=()),
    _magick("a MIFF image", ".miff", magic=_first(b"id=ImageMagick")),
    _magick("a FLIF image", ".flif", magic=_first(b"FLIF")),
    _magick("a BPG image", ".bpg", magic=_first(b"BPG\xfb")),
    _magick("a JBIG image", ".jbg", ".jbig", magic=()),
    _magick("a JBIG2 image", ".jb2", ".jbig2", magic=_first(b"\x97JB2\r\n\x1a\n")),
    _magick("a JNG or MNG image", ".jng", ".mng", magic=_first(b"\x8bJNG\r\n", b"\x8aMNG\r\n")),
    Foreign(
        "a JPEG XR image", "convert it first, as with: JxrDecApp -i NAME.jxr -o NAME.tif",
        (".jxr", ".wdp", ".hdp"), _first(b"II\xbc"),
    ),
)  # fmt: skip

_SCIENCE = (
    Foreign(
        "a FITS image", "convert it first, as with: gdal_translate NAME.fits NAME.tif",
        (".fits", ".fit", ".fts"), _first(b"SIMPLE  =", b"XTENSION="),
    ),
    Foreign(
        "a DICOM image",
        "save its samples first: numpy.save('NAME.npy', pydicom.dcmread('NAME.dcm').pixel_array)",
        (".dcm", ".dicom"), ((128, b"DICM"),),
    ),
    Foreign(
        "a NIfTI volume",
        "save its samples first: numpy.save('NAME.npy', nibabel.load('NAME.nii').get_fdata())",
        (".nii",), ((344, b"n+1\0"), (344, b"ni1\0"), (4, b"n+2\0")),
    ),
    Foreign(
        "an NRRD volume",
        "save its samples first: numpy.save('NAME.npy', nrrd.read('NAME.nrrd')[0])",
        (".nrrd",), _first(b"NRRD0"),
    ),
    Foreign(
        "an MRC volume",
        "save its samples first: numpy.save('NAME.npy', mrcfile.read('NAME.mrc'))",
        (".mrc",), ((208, b"MAP "),),
    ),
    _bioformats("a Zeiss CZI image", ".czi", magic=_first(b"ZISRAWFILE")),
    _bioformats("a Nikon ND2 image", ".nd2", magic=_first(b"\xda\xce\xbe\x0a")),
    _bioformats("a Leica LIF image", ".lif"),
    _bioformats("an Imaris image", ".ims"),
    _bioformats("an Olympus image", ".oib", ".oif", ".oir"),
    Foreign(
        "an HDF5 or netCDF file", "save one of its arrays first: numpy.save('NAME.npy', "
        "h5py.File('NAME.h5')['DATASET'][:])",
        (), _first(b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"CDF\x02"),
    ),
    Foreign(
        "a MATLAB file", "save one of its arrays first: numpy.save('NAME.npy', "
        "scipy.io.loadmat('NAME.mat')['VARIABLE'])",
        (), _first(b"MATLAB 5.0"),
    ),
)  # fmt: skip

_FRAMES = "take frames out first, as with: ffmpeg -i NAME{} NAME-%04d.png"
_SOUND = "convcli signal filters sound, as WAV: ffmpeg -i NAME{} NAME.wav"
_UNPACK = "unpack it, and name the images in it"

_OTHERS = (
    Foreign("a film (Matroska or WebM)", _FRAMES.format(".webm"), (), _first(b"\x1a\x45\xdf\xa3")),
    Foreign("a film (AVI)", _FRAMES.format(".avi"), (), ((8, b"AVI "),)),
    Foreign("a film (MPEG)", _FRAMES.format(".mpg"), (), _first(b"\0\0\1\xba", b"\0\0\1\xb3")),
    Foreign("a film (Flash)", _FRAMES.format(".flv"), (), _first(b"FLV\1")),
    Foreign("a film (Windows Media)", _FRAMES.format(".wmv"), (), _first(b"\x30\x26\xb2\x75")),
    Foreign("a film (YUV4MPEG2)", _FRAMES.format(".y4m"), (), _first(b"YUV4MPEG2")),
    Foreign("a sound file (WAV)", "convcli signal filters sound", (), ((8, b"WAVE"),)),
    Foreign("a sound file (MP3)", _SOUND.format(".mp3"), (), _first(b"ID3", b"\xff\xfb")),
    Foreign("a sound file (FLAC)", _SOUND.format(".flac"), (), _first(b"fLaC")),
    Foreign("a sound or film file (Ogg)", _SOUND.format(".ogg"), (), _first(b"OggS")),
    Foreign("a sound file (AIFF)", _SOUND.format(".aiff"), (), ((8, b"AIFF"), (8, b"AIFC"))),
    Foreign("a zip archive", _UNPACK, (), _first(b"PK\3\4", b"PK\5\6")),
    Foreign("a gzip file", "unpack it first: gunzip NAME.gz", (), _first(b"\x1f\x8b")),
    Foreign("a bzip2 file", "unpack it first: bunzip2 NAME.bz2", (), _first(b"BZh")),
    Foreign("an xz file", "unpack it first: unxz NAME.xz", (), _first(b"\xfd7zXZ\0")),
    Foreign("a zstd file", "unpack it first: unzstd NAME.zst", (), _first(b"\x28\xb5\x2f\xfd")),
    Foreign("a 7z archive", _UNPACK, (), _first(b"7z\xbc\xaf\x27\x1c")),
    Foreign("a RAR archive", _UNPACK, (), _first(b"Rar!\x1a\7")),
    Foreign("a tar archive", _UNPACK, (), ((257, b"ustar"),)),
    Foreign("a program", "name an image", (), _first(b"\x7fELF", b"MZ\x90\0")),
    Foreign("a table of a database (SQLite)", "name an image", (), _first(b"SQLite format 3\0")),
    Foreign(
        "a Git LFS pointer, not the image itself", "fetch the image: git lfs pull",
        (), _first(b"version https://git-lfs"),
    ),
    Foreign(
        "a JPEG or PNG file written as text (base64)", "decode it first: base64 -d NAME > IMAGE",
        (), _first(b"/9j/", b"iVBORw0KGgo", b"data:image/"),
    ),
    Foreign(
        "a PNG file damaged in transfer: its line ends were changed",
        "fetch it again, in binary mode", (), _first(b"\x89PNG"),
    ),
)  # fmt: skip

#: All of them. Of two that a file could be, the first is meant.
FOREIGN: tuple[Foreign, ...] = (*_CAMERAS, *_DOCUMENTS, *_PIXELS, *_SCIENCE, *_OTHERS)

#: Endings that other kinds of files have, too: headers of ENVI, activities of sport watches, …
SHARED = frozenset((".hdr", ".fit", ".rgb", ".bw", ".ras", ".mrc", ".ff", ".cin", ".lif"))
#: Endings of pictures' names, in lower case, with what has them.
LEFT_OUT: dict[str, Foreign] = {suffix: kind for kind in FOREIGN for suffix in kind.suffixes}
